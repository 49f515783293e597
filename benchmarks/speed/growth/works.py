"""What is done at each size: the work of every stage, on inputs that are there already."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.label_matrices import make_label_matrix
from benchmarks.speed.growth.sizes import Size
from benchmarks.speed.measurement import Work
from ucls.types import NeighborGraph

BATCH_SIZE = 1024
HIDDEN_DIM, BOTTLENECK_DIM = 512, 256
"""Of the thesis."""
ITERATIONS = 10
EPOCHS = 1000
"""So many that no look at the heads falls into an epoch that is timed."""
OVER_CLUSTERING = 3
N_NEIGHBORS = 50


class StageWork(NamedTuple):
    """A stage as it is measured."""

    what: str
    """Is timed."""
    prepare: Callable[[Size], Work]
    """Makes the inputs of a size, and returns the work on them."""


def prepare_neighbors(size: Size) -> Work:
    """S_x of all images, with the thesis's k and threshold and the cap N / C."""
    from benchmarks.speed.neighbors_process import THRESHOLD, K
    from ucls.neighbors.build import build_neighbors

    features = simulated(size)
    cap = size.n_images // size.n_clusters
    return lambda: build_neighbors(features, k=K, threshold=THRESHOLD, cap=cap)


def prepare_train(size: Size) -> Work:
    """An epoch of all heads; ten random neighbours serve as well as the real ones."""
    import torch

    from benchmarks import step_products
    from benchmarks.speed.training import ucls_config
    from benchmarks.training_step import random_graph
    from ucls.devices import fast_precision
    from ucls.malloc import freed_memory_kept
    from ucls.training.trainer import HeadTrainer

    n_images, n_clusters, n_heads, n_features = size
    device = torch.device("cpu")
    shape = step_products.Size(
        n_heads, n_features, n_clusters, BATCH_SIZE, HIDDEN_DIM, BOTTLENECK_DIM
    )
    config = ucls_config(shape, precision=fast_precision(device), epochs=EPOCHS, n_images=n_images)
    trainer = HeadTrainer(
        simulated(size),
        random_graph(n_images),
        config,
        n_clusters=n_clusters,
        seed=0,
        device=device,
    )

    def train_epoch() -> None:
        with freed_memory_kept():
            trainer.train_epoch()

    return train_epoch


def prepare_merge(size: Size) -> Work:
    """Heads of three times as many clusters as wanted, merged by a made-up graph."""
    from ucls.merging import merge_heads

    n_images, n_clusters, n_heads, _ = size
    n_own = OVER_CLUSTERING * n_clusters
    classes, heads = make_label_matrix(n_images, n_own, n_heads=n_heads, mode="independent")
    graph = ring_graph(classes, N_NEIGHBORS)
    return lambda: merge_heads(heads, graph, n_clusters, head_clusters=[n_own] * n_heads)


def prepare_ensemble(size: Size) -> Work:
    """MCLA of made-up heads."""
    from ucls.ensemble import consensus

    n_images, n_clusters, n_heads, _ = size
    _, heads = make_label_matrix(n_images, n_clusters, n_heads=n_heads, mode="hard")
    return lambda: consensus(heads, n_clusters, method="mcla")


def prepare_self_train(size: Size) -> Work:
    """All linear classifiers, for a few iterations, on tokens at random."""
    from benchmarks.speed.self_training import made_up_tokens, token_columns
    from ucls.settings.config import SelfTrainConfig
    from ucls.training.linear import self_train

    tokens, labels = made_up_tokens(size.n_images, size.n_features, size.n_clusters)
    columns = token_columns(size.n_features)
    config = SelfTrainConfig(iterations=ITERATIONS, batch_size=BATCH_SIZE)
    return lambda: self_train(tokens, labels, columns, n_clusters=size.n_clusters, config=config)


def prepare_evaluate(size: Size) -> Work:
    """One k-means, the part of ``evaluate`` that grows with everything."""
    from ucls.metrics.baselines import kmeans

    features = simulated(size).astype(np.float32)
    return lambda: kmeans({"train": features}, n_clusters=size.n_clusters, restarts=1)


def simulated(size: Size) -> npt.NDArray[np.float16]:
    """Simulated features as a cache holds them, float16 [N, D]."""
    from benchmarks.speed.neighbors import SearchSize, simulated_features

    n_images, n_clusters, _, n_features = size
    return simulated_features(SearchSize(n_images, n_features, n_clusters, n_images))


def ring_graph(classes: npt.NDArray[np.int32], k: int) -> NeighborGraph:
    """Links each image to the next ``k`` in the order of the classes, so that most share its own.

    Args:
        classes: [N].
        k: less than N.
    """
    n_images = len(classes)
    order = np.argsort(classes, kind="stable").astype(np.int32)
    places = np.empty_like(order)
    places[order] = np.arange(n_images, dtype=np.int32)
    indices = order[(places[:, None] + np.arange(1, k + 1, dtype=np.int32)) % n_images]
    return NeighborGraph(
        indptr=np.arange(n_images + 1, dtype=np.int64) * k,
        indices=indices.ravel(),
        similarity=np.ones(indices.size, dtype=np.float16),
        k=k,
        threshold=None,
        cap=None,
        n_capped=0,
        backend="made up",
        exact=True,
    )


WORKS: Mapping[str, StageWork] = {
    "neighbors": StageWork("all neighbour sets", prepare_neighbors),
    "train": StageWork(f"an epoch, batch {BATCH_SIZE:,}", prepare_train),
    "merge": StageWork(f"merging heads of {OVER_CLUSTERING} C clusters", prepare_merge),
    "ensemble": StageWork("MCLA", prepare_ensemble),
    "self-train": StageWork(f"{ITERATIONS} iterations, batch {BATCH_SIZE:,}", prepare_self_train),
    "evaluate": StageWork("one k-means", prepare_evaluate),
}
"""By the name of the stage, in the order of a run."""
