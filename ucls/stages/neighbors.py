"""Stage ``neighbors``: feature cache to ``neighbors.h5``."""

from functools import partial
from pathlib import Path

import numpy as np

from ucls.cache import run_files as files
from ucls.cache import write_graph
from ucls.progress import Reporter
from ucls.runs.features import SplitFeatures
from ucls.runs.opening import as_stage
from ucls.runs.preparation import fit_preparation, read_preparation
from ucls.runs.room import stay_on_disk
from ucls.runs.run import Run
from ucls.tables import AnyFeatures
from ucls.types import NeighborGraph


def _open(run: Run, cache: SplitFeatures) -> AnyFeatures:
    from ucls.neighbors.search import QUERIES_FROM_DISK

    # Several kinds of features are scaled on reading, which takes more than half precision.
    dtype = cache.dtype if len(cache.specs) == 1 else np.float32
    table = cache.table(run.feature_set, dtype=dtype)
    # FAISS holds a copy of all.
    if run.config.neighbors.backend != "faiss" and stay_on_disk(
        run,
        "neighbors",
        table.nbytes,
        price=f"they are read once for every {QUERIES_FROM_DISK:,} images",
    ):
        return table
    return table[:]


def _search(run: Run, features: AnyFeatures, *, reporter: Reporter) -> NeighborGraph:
    from ucls.clustering.graph import build_graph

    limit = run.data.time_limit
    return build_graph(features, run.config, time_limit=limit, reporter=reporter)


def _help(path: Path, *, reporter: Reporter) -> NeighborGraph:
    """What all processes of a job but the first do."""
    run = Run(path, reporter=reporter)
    with run.features("train") as cache:
        features = read_preparation(run).of_array(_open(run, cache))
        return _search(run, features, reporter=reporter)


@as_stage("neighbors")
def neighbors(run: Run) -> None:
    """Builds the neighbour sets S_x of the training images.

    Needs the extracted features; leaves ``neighbors.h5`` and ``preparation.safetensors``.
    """
    from ucls.clustering.graph import check_distinct
    from ucls.ranks import together

    with run.features("train") as cache:
        features = _open(run, cache)
        check_distinct(features, run.n_wanted, run.reporter)
        features = fit_preparation(run, features).of_array(features)
        lead = partial(_search, run, features)
        graph = together(_help, run.folder.path, reporter=run.reporter, lead=lead)
    write_graph(run.folder.file(files.NEIGHBORS), graph)
    run.reporter.say(
        f"neighbors: {graph.mean_count:.1f} per image (the {graph.k} nearest and all above "
        f"similarity {graph.threshold:.3f}); {graph.n_capped:,} sets cut at {graph.cap}"
    )
