"""Near-duplicates and exact copies among the images of a run, as a table."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.cache import check_output, has_table, read_graph, write_csv
from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.neighbors.duplicates import Duplicates, duplicate_threshold, find_duplicates
from ucls.progress import SILENT, Reporter
from ucls.runs.catalog import run_files
from ucls.runs.image_files import image_files
from ucls.runs.opening import open_run
from ucls.runs.preparation import read_preparation
from ucls.runs.run import Run

COLUMNS = ("path", "group", "similarity", "copy_of")


class Found(NamedTuple):
    """What was found among the training images."""

    path: Path
    """The CSV: path, group, similarity, copy_of."""
    threshold: float
    """The cosine similarity from which on two images are near-duplicates."""
    n_images: int
    """Images in groups."""
    n_groups: int
    n_copies: int
    """Of these images, exact copies of another."""


def duplicates(
    path: str | Path,
    *,
    threshold: float | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Found:
    """Groups the training images of a run that nearly are the same.

    Needs the features and ``neighbors.h5``; changes nothing in the run but leaves
    ``duplicates.csv`` there. An exact copy has the same features or the same bytes as another image
    of its group, the first of which ``copy_of`` names.

    Args:
        path: the run folder.
        threshold: cosine similarity of prepared features, in (0, 1]; None for 0.98, or more where
            neighbours reach that by chance.
        out: the CSV to write; None for the run's own, ``-`` for standard output.
        overwrite: replace a file there that this command did not write.
        reporter: shown what happens.

    Raises:
        UsageError: if the threshold is out of range, or the CSV may not be written.
        UclsError: if the run has no neighbours yet.
    """
    if threshold is not None and not 0.0 < threshold <= 1.0:
        raise UsageError(f"--threshold is a similarity above 0 and up to 1, not {threshold:g}")
    run = open_run(path, after="neighbors", reporter=reporter)
    target = Path(out) if out else run.folder.file(files.DUPLICATES)
    check_output(
        target,
        is_own=has_table(COLUMNS),
        overwrite=overwrite,
        protected=run.inputs(),
        reserved=() if target.name == files.DUPLICATES else run_files(),
    )
    graph = read_graph(run.folder.file(files.NEIGHBORS))
    with run.features("train") as cache:
        paths = cache.paths()
        features = read_preparation(run).of_array(cache.table(run.feature_set))
        if threshold is None:
            threshold = duplicate_threshold(features, graph, seed=run.config.seed)
        found = find_duplicates(features, graph, threshold)
    copies = _first_copies(run, paths, found)
    write_csv(target, COLUMNS, _rows(paths, found, copies))
    n_groups = int(found.groups.max(initial=-1)) + 1
    return Found(target, threshold, len(found.rows), n_groups, int((copies >= 0).sum()))


def _rows(
    paths: list[str], found: Duplicates, copies: NDArray[np.int64]
) -> Iterator[tuple[str, int, str, str]]:
    columns = (found.rows.tolist(), found.groups.tolist(), found.similarity.tolist())
    for row, group, similarity, first in zip(*columns, copies.tolist(), strict=True):
        yield paths[row], group, f"{similarity:.6f}", paths[first] if first >= 0 else ""


def _first_copies(run: Run, paths: list[str], found: Duplicates) -> NDArray[np.int64]:
    """The first image of the group with the same features or the same bytes, [n]; -1 for none."""
    try:
        named = image_files(run, "train", [paths[row] for row in found.rows]).files
    except UsageError:  # they are no files of their own
        return found.first_copy
    copies = found.first_copy.copy()
    seen: dict[tuple[int, str], int] = {}
    for place, (row, group, file) in enumerate(
        zip(found.rows.tolist(), found.groups.tolist(), named, strict=True)
    ):
        if (digest := _digest(file)) is not None:
            first = seen.setdefault((group, digest), row)
            if copies[place] < 0 and first != row:
                copies[place] = first
    return copies


def _digest(file: str) -> str | None:
    """Tells the bytes of a file from others; None where it cannot be read any more."""
    try:
        with Path(file).open("rb") as opened:
            return hashlib.file_digest(opened, "blake2b").hexdigest()
    except OSError:
        return None
