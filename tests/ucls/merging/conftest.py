from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ucls.types import NeighborGraph

Array = npt.NDArray[Any]
PlantClasses = Callable[..., tuple[Array, NeighborGraph]]
SplitClasses = Callable[..., Array]

N_NEIGHBORS = 8


def as_graph(rows: Sequence[Sequence[int]]) -> NeighborGraph:
    """A graph of given neighbours, the nearest first."""
    return NeighborGraph(
        indptr=np.cumsum([0, *map(len, rows)], dtype=np.int64),
        indices=np.array([image for row in rows for image in row], dtype=np.int32),
        similarity=np.ones(sum(map(len, rows)), dtype=np.float16),
        k=1,
        threshold=None,
        cap=None,
        n_capped=0,
        backend="faiss",
        exact=True,
    )


@pytest.fixture
def make_graph() -> Callable[[Sequence[Sequence[int]]], NeighborGraph]:
    return as_graph


@pytest.fixture
def plant_classes() -> PlantClasses:
    """Images of classes of given sizes, and a graph that links each to eight of its class.

    ``reach`` is how far from it they lie at most in the ring that its class is; ``astray`` of
    all links lead anywhere.
    """

    def plant(sizes, *, seed=0, astray=0.05, reach=None):
        rng = np.random.default_rng(seed)
        classes = np.repeat(np.arange(len(sizes)), sizes)
        size, start = np.array(sizes)[classes], np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
        farthest = size // 2 if reach is None else np.minimum(size // 2, reach)
        steps = rng.integers(1, 1 + farthest[:, None], (len(classes), N_NEIGHBORS))
        steps *= rng.choice([-1, 1], steps.shape)
        place = (np.arange(len(classes)) - start)[:, None] + steps
        neighbors = start[:, None] + place % size[:, None]
        is_astray = rng.random(steps.shape) < astray
        neighbors[is_astray] = rng.integers(0, len(classes), np.count_nonzero(is_astray))
        return classes, as_graph(neighbors.tolist())

    return plant


@pytest.fixture
def split_classes() -> SplitClasses:
    """Heads that split classes into ``n_parts`` of nearly the same size, each numbered anew."""

    def split(classes, n_parts, *, n_heads=3, seed=0):
        rng = np.random.default_rng(seed)
        sizes = np.bincount(classes)
        counts = np.ones(len(sizes), dtype=int)
        while counts.sum() < n_parts:
            counts[np.argmax(sizes / counts)] += 1
        heads = np.empty((n_heads, len(classes)), dtype=np.int32)
        for head in heads:
            numbers = iter(rng.permutation(n_parts))
            for kind, count in enumerate(counts):
                ring = np.roll(np.flatnonzero(classes == kind), rng.integers(sizes[kind]))
                for part in np.array_split(ring, count):
                    head[part] = next(numbers)
        return heads

    return split
