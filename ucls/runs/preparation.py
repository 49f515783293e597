"""How a run prepares its features, fitted once to the training images."""

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ucls.cache import read_tensors, write_tensors
from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.feature_sets import parse_features
from ucls.runs.resolve import feature_widths
from ucls.runs.run import Run
from ucls.settings.config import required
from ucls.settings.fitting import is_left_alone
from ucls.wording import count

if TYPE_CHECKING:
    from ucls.preparation.prepared import Preparation

KIND = re.compile(r"(?P<what>[a-z]+)(-(?P<n>[1-9]))?")
IN_WORDS = {
    "none": "as they are",
    "center": "scaled to length 1 and centred",
    "standardize": "centred, each column scaled alike",
    "distance": "centred, compared by distance",
    "pca": "in few principal components",
    "whiten": "in few principal components, scaled alike",
}


def fit_preparation(run: Run, features: NDArray[np.floating]) -> "Preparation":
    """Fits it to the features [N, D] of the training images, keeps it, and says what it is."""
    from ucls.preparation.fitting import fit_space
    from ucls.preparation.prepared import Preparation

    wanted = required(run.config.neighbors.prepare)
    widths = feature_widths(run.feature_set, run.data)
    first = next(iter(run.data.widths))
    backbones = [part.backbone or first for part in parse_features(run.feature_set)]
    columns = np.split(features, np.cumsum(widths)[:-1], axis=1)
    spaces, told = [], []
    for backbone, part in zip(backbones, columns, strict=True):
        kind = "none" if wanted == "auto" and is_left_alone(backbone) else wanted
        space, reason = fit_space(part, kind)
        spaces.append(space)
        of = f" of {backbone}" if len(widths) > 1 else ""
        told.append(f"features{of} {in_words(space.kind)}{f' ({reason})' if reason else ''}")
    preparation = Preparation(spaces)
    if not preparation.is_none:
        run.reporter.say(f"neighbors: {'; '.join(told)}")
    metadata = {"preparation": preparation.describe()}
    write_tensors(run.folder.file(files.PREPARATION), preparation.tensors(), metadata)
    return preparation


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
    return f"{what}{without}"
