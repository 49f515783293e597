"""Labelling new images with a finished run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.backbones.names import UNTRAINED
from ucls.cache import (
    check_output,
    has_json_lines,
    has_table,
    read_assignments,
    write_csv,
    write_json_lines,
)
from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.images.feature_files import FeatureArray
from ucls.images.sets import ImageSet
from ucls.progress import SILENT, Reporter
from ucls.runs.catalog import run_files
from ucls.runs.classifier import load_heads
from ucls.runs.labeller import COLUMNS, Labeller
from ucls.runs.new_features import features_of_new_images
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.settings.extraction import with_weights
from ucls.sources import Source, load_source
from ucls.stages.cut import CutSplit, CutVotes
from ucls.stages.extract import tell_stretched


class Predicted(NamedTuple):
    """How a prediction went."""

    n_images: int
    skipped: list[tuple[str, str]]
    """Path and reason of each image that could not be read."""
    cluster_sizes: dict[int, int]
    """Images of each cluster there is; outliers and those that no head knows are in none."""
    untrained: list[str]
    """The run's backbones that have random weights."""


def predict(
    path: str | Path,
    source: str | Source,
    *,
    out: Path,
    n_clusters: int | None = None,
    as_json_lines: bool = False,
    split: str = "train",
    weights: Sequence[str] = (),
    device: str | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Predicted:
    """Labels the images of ``source`` with the classifier of a run; nothing is cached.

    After :func:`ucls.stages.relabel.relabel` the clusters are those that were corrected. In a run
    with ``self_train.outliers`` images as far from its own as these have cluster -1; that needs
    the features of its training images.

    With ``n_clusters`` the heads vote instead, as :func:`ucls.stages.cut.cut` has it for images
    that they were not trained on.

    Args:
        path: the run folder.
        source: images of the kind the run was made of: a folder or list of images, an image, a
            feature file, a dataset, or what :func:`ucls.sources.load_source` returns.
        out: the CSV to write: path, cluster, confidence (the share of the run's heads that
            agree), probability (what the classifier gives that cluster; not at a cut), and the name
            of the cluster if the run was corrected; ``-`` for standard output.
        as_json_lines: write a JSON object for each image, on a line of its own, in place of CSV.
        n_clusters: where to cut the run, as in :func:`ucls.stages.cut.cut`; None for its own
            clusters.
        split: which part of a dataset.
        weights: where the weights of the run's backbones are now, as in ``extract.weights``; empty
            if they are where they were.
        device: ``auto``, ``cpu`` or ``cuda[:i]``; None takes the run's setting.
        overwrite: replace a file at ``out`` that is no earlier prediction.
        reporter: shown what happens.

    Raises:
        UsageError: if the source does not fit the run, the run cannot be cut there, or ``out`` may
            not be written.
        UclsError: if the run has no classifier yet.

    Example:
        >>> from pathlib import Path
        >>> from ucls.stages.predict import predict
        >>> predict("runs/features", "features.npz", out=Path("new.csv")).n_images
        120
    """
    after = "self-train" if n_clusters is None else "ensemble"
    run = open_run(path, after=after, reporter=reporter)
    extractions = with_weights(run.data.extractions, weights)
    labeller = Labeller(run) if n_clusters is None else _CutLabeller(run, n_clusters)
    opened = load_source(source, is_trained_on=False) if isinstance(source, str) else source
    for note in opened.notes:
        reporter.say(f"note: {note}")
    images = _images(run, opened, split)
    moved = (Path(file) for config in extractions.values() for file in config.weights)
    check_output(
        out,
        is_own=(has_json_lines if as_json_lines else has_table)(
            COLUMNS, (*COLUMNS, "name"), _CutLabeller.columns
        ),
        overwrite=overwrite,
        protected=chain(opened.files(), moved, run.inputs()),
        reserved=run_files(),
    )
    skipped: list[tuple[str, str]] = []
    sizes = dict.fromkeys(labeller.numbers, 0)
    n_stretched = 0

    def rows() -> Iterator[tuple[str | float, ...]]:
        nonlocal n_stretched
        for batch, features in features_of_new_images(
            run, images, labeller.feature_sets, extractions=extractions, device=device
        ):
            skipped.extend(batch.skipped)
            n_stretched += batch.remarks.n_stretched
            if not batch.paths:
                continue
            labelled = labeller.label(features)
            for image, cluster, *shares in zip(batch.paths, *labelled, strict=True):
                number = int(cluster)
                sizes[number] = sizes.get(number, 0) + 1
                name = labeller.named(number)
                yield image, number, *map(float, shares), *name
        if len(skipped) == len(images):
            raise UsageError(
                f"none of the images of {images.name} could be read, "
                f"the first because: {skipped[0][1]}; check that the source holds images"
            )

    write_labelled(out, labeller.columns, rows(), as_json_lines=as_json_lines)
    tell_stretched(n_stretched, reporter)
    untrained = [name for name in run.backbones if name.endswith(UNTRAINED)]
    sizes.pop(-1, None)
    return Predicted(len(images) - len(skipped), skipped, sizes, untrained)


def write_labelled(
    out: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | float]],
    *,
    as_json_lines: bool,
) -> None:
    """Writes labels as they come, with four digits of each share; nothing before the first.

    Raises:
        UclsError: if the disk does not take it.
    """
    rows = iter(rows)
    rows = chain(list(islice(rows, 1)), rows)
    if as_json_lines:
        rounded = ([round(x, 4) if isinstance(x, float) else x for x in row] for row in rows)
        write_json_lines(out, columns, rounded)
    else:
        written = ([f"{x:.4f}" if isinstance(x, float) else x for x in row] for row in rows)
        write_csv(out, columns, written)


class _CutLabeller:
    """The heads of a run's consensus with their clusters cut at another number."""

    columns = ("path", "cluster", "confidence")

    def __init__(self, run: Run, n_clusters: int) -> None:
        assignments = read_assignments(run.folder.file(files.ASSIGNMENTS))
        self._votes = CutVotes.of(run, assignments, n_clusters)
        self._heads = load_heads(run.folder, self._votes.voters)
        self.feature_sets = [run.feature_set]
        self.numbers = list(range(n_clusters))

    def label(self, features: Mapping[str, NDArray[np.floating]]) -> CutSplit:
        """Labels images by their features [B, D'] of each set."""
        logits = self._heads.logits(features[self.feature_sets[0]])
        return self._votes.label(self._heads.labels(logits))

    def named(self, cluster: int) -> tuple[str, ...]:
        """No cell: names are of the run's own clusters."""
        return ()


def _images(run: Run, source: Source, split: str) -> ImageSet | FeatureArray:
    if split not in source.splits:
        raise UsageError(
            f"{source.name} has no split {split!r}; choose {' or '.join(source.splits)}"
        )
    images = source.splits[split]
    wants_features = "features" in run.data.extractions
    if wants_features != isinstance(images, FeatureArray):
        wanted = "a feature file" if wants_features else "images"
        raise UsageError(f"the run was made of {wanted}; expected {wanted} too, got {source.name}")
    if isinstance(images, ImageSet):
        return images.of_classes(source.classes)
    width = run.data.widths["features"]["cls"]
    if images.features.shape[1] != width:
        raise UsageError(
            f"the run's features have {width} columns, those of {source.name} "
            f"{images.features.shape[1]}; use the same backbone for both"
        )
    return images
