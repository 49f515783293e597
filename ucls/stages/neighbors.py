"""Stage ``neighbors``: feature cache to ``neighbors.h5``."""

import numpy as np

from ucls.cache import run_files as files
from ucls.cache import write_graph
from ucls.runs.opening import as_stage
from ucls.runs.preparation import fit_preparation
from ucls.runs.run import Run


@as_stage("neighbors")
def neighbors(run: Run) -> None:
    """Builds the neighbour sets S_x of the training images.

    Needs the extracted features; leaves ``neighbors.h5`` and ``preparation.safetensors``.
    """
    from ucls.clustering.graph import build_graph, check_distinct

    with run.features("train") as cache:
        # Several kinds of features are scaled on reading, which takes more than half precision.
        dtype = cache.dtype if len(cache.specs) == 1 else np.float32
        features = cache.read(run.feature_set, dtype=dtype)
    check_distinct(features, run.n_wanted, run.reporter)
    features = fit_preparation(run, features).of_array(features)
    graph = build_graph(features, run.config, reporter=run.reporter)
    write_graph(run.folder.file(files.NEIGHBORS), graph)
    run.reporter.say(
        f"neighbors: {graph.mean_count:.1f} per image (the {graph.k} nearest and all above "
        f"similarity {graph.threshold:.3f}); {graph.n_capped:,} sets cut at {graph.cap}"
    )
