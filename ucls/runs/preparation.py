"""How a run prepares its features, fitted once to the training images."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ucls.cache import read_tensors, write_tensors
from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.feature_sets import parse_features
from ucls.runs.apart_clusters import clusters_apart
from ucls.runs.resolve import ExtractedData, feature_widths
from ucls.runs.run import Run
from ucls.settings.config import required
from ucls.settings.fitting import is_left_alone
from ucls.tables import AnyFeatures, split_columns
from ucls.types import Labels
from ucls.wording import count

if TYPE_CHECKING:
    from ucls.preparation.prepared import Preparation, PreparedSpace

KIND = re.compile(r"(?P<what>[a-z]+)(-(?P<n>[1-9]))?(?P<apart>-apart)?")
IN_WORDS = {
    "none": "as they are",
    "omit": "left out",
    "center": "scaled to length 1 and centred",
    "standardize": "centred, each column scaled alike",
    "distance": "centred, compared by distance",
    "pca": "in few principal components",
    "whiten": "in few principal components, scaled alike",
}


def fit_preparation(run: Run, features: AnyFeatures) -> "Preparation":
    """Fits it to the features [N, D] of the training images, keeps it, and says what it is."""
    preparation, told = fit_spaces(
        features,
        run.feature_set,
        run.data,
        wanted=required(run.config.neighbors.prepare),
        n_clusters=run.n_wanted,
        seed=run.config.seed,
        apart_from=clusters_apart(run),
    )
    if not preparation.is_none:
        run.reporter.say(f"neighbors: {told}")
    metadata = {"preparation": preparation.describe()}
    write_tensors(run.folder.file(files.PREPARATION), preparation.tensors(), metadata)
    return preparation


def fit_spaces(
    features: AnyFeatures,
    feature_set: str,
    data: ExtractedData,
    *,
    wanted: str,
    n_clusters: int,
    seed: int,
    apart_from: Iterable[Labels] = (),
) -> tuple["Preparation", str]:
    """Fits each space to its columns of the training images [N, D]; says in words what it did.

    Args:
        features: of all spaces side by side, [N, D].
        feature_set: which they are.
        data: what the extraction found.
        wanted: the setting ``neighbors.prepare``.
        n_clusters: about how many are looked for, by which unrelated spaces are told.
        seed: of these clusters.
        apart_from: clusterings [N] whose clusters nothing is to tell apart any more.

    Raises:
        NothingLeftError: if that would leave nothing of the features.
    """
    from ucls.preparation.apart import leave_out
    from ucls.preparation.fitting import fit_space
    from ucls.preparation.prepared import Preparation

    widths, backbones = feature_widths(feature_set, data), backbones_of(feature_set, data)
    columns = split_columns(features, widths)
    spaces, reasons = [], []
    for backbone, part in zip(backbones, columns, strict=True):
        kind = "none" if wanted == "auto" and is_left_alone(backbone) else wanted
        space, reason = fit_space(part, kind)
        spaces.append(space)
        reasons.append(reason)
    if wanted == "auto" and len(spaces) > 1:
        _omit_unrelated(spaces, reasons, columns, n_clusters=n_clusters, seed=seed)
    for clusters in apart_from:
        both = zip(spaces, columns, strict=True)
        spaces = [leave_out(space, part, clusters) for space, part in both]
    told = []
    for backbone, space, reason in zip(backbones, spaces, reasons, strict=True):
        of = f" of {backbone}" if len(widths) > 1 else ""
        told.append(f"features{of} {in_words(space.kind)}{f' ({reason})' if reason else ''}")
    return Preparation(spaces), "; ".join(told)


def backbones_of(feature_set: str, data: ExtractedData) -> list[str]:
    """The backbone of each feature space."""
    first = next(iter(data.widths))
    return [part.backbone or first for part in parse_features(feature_set)]


def _omit_unrelated(
    spaces: list["PreparedSpace"],
    reasons: list[str],
    columns: Sequence[AnyFeatures],
    *,
    n_clusters: int,
    seed: int,
) -> None:
    """Leaves out spaces that have nothing to do with the others, and says why."""
    import torch

    from ucls.preparation.prepared import OMIT, PreparedSpace, unit_length
    from ucls.preparation.signs import sample_rows
    from ucls.runs.unrelated_spaces import shares_held, unrelated_spaces

    rows = sample_rows(len(columns[0])).numpy()
    samples = [
        unit_length(space(torch.from_numpy(part[rows].astype(np.float32))))
        for space, part in zip(spaces, columns, strict=True)
    ]
    shares = shares_held(samples, n_clusters, seed=seed)
    for place in unrelated_spaces(shares):
        spaces[place] = PreparedSpace(OMIT, spaces[place].width)
        of_others = np.delete(shares[place], place).max()
        reasons[place] = (
            f"beyond chance its clusters hold {shares[place, place]:.0%} of its own neighbours and "
            f"{max(of_others, 0.0):.0%} of the others'"
        )


def read_preparation(run: Run) -> "Preparation":
    """The one that was fitted; without a file features are as they are, as in older versions.

    Raises:
        UsageError: if the file is gone, and the run's settings say that there was something to do.
    """
    from ucls.preparation.prepared import Preparation, PreparedSpace

    path = run.folder.file(files.PREPARATION)
    if not path.is_file():
        if run.config.neighbors.prepare != "none":
            raise UsageError(
                f"{path} is gone, which says how features are prepared; "
                f"run: ucls neighbors {run.folder.path} --overwrite"
            )
        widths = feature_widths(run.feature_set, run.data)
        return Preparation([PreparedSpace("none", width) for width in widths])
    tensors, metadata = read_tensors(path)
    return Preparation.restore(metadata["preparation"], tensors)


def in_words(kind: str) -> str:
    """A kind of preparation in plain words."""
    found = KIND.fullmatch(kind)
    assert found is not None
    what, n_dropped = IN_WORDS[found["what"]], int(found["n"] or 0)
    without = f", without the first {count(n_dropped, 'direction')}" if n_dropped else ""
    apart = ", without what tells the known clusters apart" if found["apart"] else ""
    return f"{what}{without}{apart}"
