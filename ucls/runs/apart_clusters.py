"""The clusters of other runs, image by image as a run has them."""

from collections.abc import Sequence

import numpy as np

from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.runs.apart import keep_apart, kept_apart
from ucls.runs.image_labels import read_labels
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.types import Labels


def clusters_of(runs: Sequence[str], paths: Sequence[str]) -> Labels:
    """The clusters that other runs found for training images, int32 [A, N]; -1 is none.

    Args:
        runs: A run folders.
        paths: of the N images.

    Raises:
        UsageError: if one is no run, or lacks an image.
        UclsError: if one is not labelled yet.
    """
    return np.array([_clusters_of(run, paths) for run in runs], dtype=np.int32)


def clusters_apart(run: Run) -> Labels:
    """Those that a run is apart from, int32 [A, N]; kept in it from then on.

    One more are the values of other factors, where its number of clusters is that of one.
    """
    runs = run.config.neighbors.apart_from
    if not runs:
        return np.empty((0, run.data.n_images), dtype=np.int32)
    clusters = kept_apart(run)
    if clusters is None:
        with run.features("train") as cache:
            paths = cache.paths()
        clusters = clusters_of(runs, paths)
        keep_apart(run.folder.file(files.APART), runs, clusters)
    return clusters


def _clusters_of(path: str, images: Sequence[str]) -> list[int]:
    labels = read_labels(open_run(path, after="self-train"))
    rows = labels.rows_of("train").tolist()
    found = {labels.paths[row]: int(labels.found[row]) for row in rows}
    missing = next((image for image in images if image not in found), None)
    if missing is not None:
        raise UsageError(
            f"{path} has no training image {missing}: expected a run of the same images to be "
            "apart from"
        )
    return [found[image] for image in images]
