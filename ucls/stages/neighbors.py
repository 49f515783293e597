"""Stage ``neighbors``: feature cache to ``neighbors.h5``."""

import numpy as np

from ucls.cache import run_files as files
from ucls.cache import write_graph
from ucls.errors import UsageError
from ucls.feature_sets import count_distinct
from ucls.runs.opening import as_stage
from ucls.runs.preparation import fit_preparation
from ucls.runs.run import Run
from ucls.settings.config import required


@as_stage("neighbors")
def neighbors(run: Run) -> None:
    """Builds the neighbour sets S_x of the training images.

    Needs the extracted features; leaves ``neighbors.h5`` and ``preparation.safetensors``.
    """
    from ucls.devices import resolve_device
    from ucls.neighbors.build import build_neighbors

    config, device = run.config.neighbors, resolve_device(run.config.device)
    with run.features("train") as cache:
        # Several kinds of features are scaled on reading, which takes more than half precision.
        dtype = cache.dtype if len(cache.specs) == 1 else np.float32
        features = cache.read(run.feature_set, dtype=dtype)
    n_distinct = count_distinct(features, enough=run.n_clusters)
    if n_distinct == 1:
        raise UsageError(
            f"all {len(features)} images have the same features, so nothing tells them apart; "
            "check that the images differ and suit the backbone"
        )
    if n_distinct < run.n_clusters:
        run.reporter.warn(
            f"only {n_distinct} distinct rows of features for {run.n_clusters} clusters: some "
            "clusters stay empty or split equal images; choose a smaller -k"
        )
    features = fit_preparation(run, features).of_array(features)
    with run.reporter.track("neighbors", len(features), "images") as advance:
        graph = build_neighbors(
            features,
            k=required(config.k),
            threshold=required(config.threshold),
            cap=cap_of(config.cap, len(features), run.n_clusters),
            cap_keeps=config.cap_keeps,
            backend="faiss" if config.backend == "faiss" else "torch",
            device=str(device),
            seed=run.config.seed,
            advance=advance,
        )
    write_graph(run.folder.file(files.NEIGHBORS), graph)
    run.reporter.say(
        f"neighbors: {graph.mean_count:.1f} per image (the {graph.k} nearest and all above "
        f"similarity {graph.threshold:.3f}); {graph.n_capped:,} sets cut at {graph.cap}"
    )


def cap_of(cap: int | str, n_images: int, n_clusters: int) -> int | None:
    """Turns the setting ``neighbors.cap`` into a number."""
    if isinstance(cap, int):
        return cap
    return n_images // n_clusters if cap == "balanced" else None
