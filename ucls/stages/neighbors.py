"""Stage ``neighbors``: feature cache to ``neighbors.h5``."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ucls.cache import run_files as files
from ucls.cache import write_graph
from ucls.progress import Reporter
from ucls.runs.opening import as_stage
from ucls.runs.preparation import fit_preparation, read_preparation
from ucls.runs.run import Run
from ucls.types import NeighborGraph


def _read(run: Run) -> NDArray[np.floating]:
    with run.features("train") as cache:
        # Several kinds of features are scaled on reading, which takes more than half precision.
        dtype = cache.dtype if len(cache.specs) == 1 else np.float32
        return cache.read(run.feature_set, dtype=dtype)


def _search(run: Run, features: NDArray[np.floating], *, reporter: Reporter) -> NeighborGraph:
    from ucls.clustering.graph import build_graph

    return build_graph(features, run.config, reporter=reporter)


def _help(path: Path, *, reporter: Reporter) -> NeighborGraph:
    """What all processes of a job but the first do."""
    run = Run(path, reporter=reporter)
    return _search(run, read_preparation(run).of_array(_read(run)), reporter=reporter)


@as_stage("neighbors")
def neighbors(run: Run) -> None:
    """Builds the neighbour sets S_x of the training images.

    Needs the extracted features; leaves ``neighbors.h5`` and ``preparation.safetensors``.
    """
    from ucls.clustering.graph import check_distinct
    from ucls.ranks import together

    features = _read(run)
    check_distinct(features, run.n_wanted, run.reporter)
    features = fit_preparation(run, features).of_array(features)
    lead = partial(_search, run, features)
    graph = together(_help, run.folder.path, reporter=run.reporter, lead=lead)
    write_graph(run.folder.file(files.NEIGHBORS), graph)
    run.reporter.say(
        f"neighbors: {graph.mean_count:.1f} per image (the {graph.k} nearest and all above "
        f"similarity {graph.threshold:.3f}); {graph.n_capped:,} sets cut at {graph.cap}"
    )
