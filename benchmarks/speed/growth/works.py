"""What is done at each size: the work of every stage, on inputs that are there already."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.label_matrices import make_label_matrix
from benchmarks.speed.measurement import Work
from benchmarks.speed.size import Size

BATCH_SIZE = 1024
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
    from benchmarks.speed.neighbors import build_graph, simulated_features

    features = simulated_features(size)
    return lambda: build_graph(features, size.cap)


def prepare_train(size: Size) -> Work:
    """An epoch of all heads; ten random neighbours serve as well as the real ones."""
    import torch

    from benchmarks.speed.neighbors import simulated_features
    from benchmarks.speed.training import Training, random_graph, ucls_config
    from ucls.devices import fast_precision
    from ucls.memory import freed_memory_kept
    from ucls.training import HeadTrainer

    cpu = torch.device("cpu")
    config = ucls_config(size, precision=fast_precision(cpu), epochs=EPOCHS, batch_size=BATCH_SIZE)
    data = Training(simulated_features(size), random_graph(size.n_images), size.n_clusters)
    trainer = data.trainer(HeadTrainer, config, where=cpu)

    def train_epoch() -> None:
        with freed_memory_kept():
            trainer.train_epoch()

    return train_epoch


def prepare_merge(size: Size) -> Work:
    """Heads of three times as many clusters as wanted, merged by a made-up graph."""
    from benchmarks.speed.training import made_up_graph
    from ucls.merging import merge_heads

    n_heads, n_own = size.n_heads, OVER_CLUSTERING * size.n_clusters
    classes, heads = make_label_matrix(size.n_images, n_own, n_heads=n_heads, mode="independent")
    graph = made_up_graph(ring_neighbors(classes, N_NEIGHBORS))
    return lambda: merge_heads(heads, graph, size.n_clusters, head_clusters=[n_own] * n_heads)


def prepare_ensemble(size: Size) -> Work:
    """MCLA of made-up heads."""
    from ucls.ensemble import consensus

    _, heads = make_label_matrix(size.n_images, size.n_clusters, n_heads=size.n_heads, mode="hard")
    return lambda: consensus(heads, size.n_clusters, method="mcla")


def prepare_self_train(size: Size) -> Work:
    """All linear classifiers, for a few iterations, on tokens at random."""
    from benchmarks.speed.self_training import self_training
    from ucls.config import SelfTrainConfig

    return self_training(size, SelfTrainConfig(iterations=ITERATIONS, batch_size=BATCH_SIZE))


def prepare_evaluate(size: Size) -> Work:
    """One k-means, the part of ``evaluate`` that grows with everything."""
    from benchmarks.speed.neighbors import simulated_features
    from ucls.baselines import kmeans

    features = simulated_features(size).astype(np.float32)
    return lambda: kmeans({"train": features}, n_clusters=size.n_clusters, restarts=1)


def ring_neighbors(classes: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.int32]:
    """The next ``k`` of each image in the order of the classes, so that most share its own.

    Args:
        classes: [N].
        k: less than N.
    """
    n_images = len(classes)
    order = np.argsort(classes, kind="stable").astype(np.int32)
    places = np.empty_like(order)
    places[order] = np.arange(n_images, dtype=np.int32)
    return order[(places[:, None] + np.arange(1, k + 1, dtype=np.int32)) % n_images]


WORKS: Mapping[str, StageWork] = {
    "neighbors": StageWork("all neighbour sets", prepare_neighbors),
    "train": StageWork(f"an epoch, batch {BATCH_SIZE:,}", prepare_train),
    "merge": StageWork(f"merging heads of {OVER_CLUSTERING} C clusters", prepare_merge),
    "ensemble": StageWork("MCLA", prepare_ensemble),
    "self-train": StageWork(f"{ITERATIONS} iterations, batch {BATCH_SIZE:,}", prepare_self_train),
    "evaluate": StageWork("one k-means", prepare_evaluate),
}
"""By the name of the stage, in the order of a run."""
