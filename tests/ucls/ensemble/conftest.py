import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ucls.ensemble.label_matrix import compact
from ucls.ensemble.partitioning import Adjacency

Array = npt.NDArray[Any]
MakeHeads = Callable[..., tuple[Array, Array]]


@pytest.fixture
def make_heads() -> MakeHeads:
    """Independent noisy heads, each with its own cluster numbers: (true labels, heads)."""

    def make(seed, *, n_images=2000, n_clusters=10, n_heads=10, error=0.15, shares=None):
        rng = np.random.default_rng(seed)
        truth = rng.choice(n_clusters, n_images, p=shares)
        heads = np.empty((n_heads, n_images), dtype=np.int32)
        for head in heads:
            guesses = rng.integers(0, n_clusters, n_images)
            noisy = np.where(rng.random(n_images) < error, guesses, truth)
            head[:] = rng.permutation(n_clusters)[noisy]
        return truth, heads

    return make


@pytest.fixture
def make_hard_heads() -> MakeHeads:
    """Unequal classes, images that all heads find hard, and one merged and one split class per
    head: (true labels, heads)."""

    def make(seed, *, n_images=1500, n_clusters=10, n_heads=15):
        rng = np.random.default_rng(seed)
        shares = rng.lognormal(0.0, 0.6, n_clusters)
        truth = rng.choice(n_clusters, n_images, p=shares / shares.sum())
        difficulty = rng.beta(0.225, 1.275, n_images)
        heads = np.empty((n_heads, n_images), dtype=np.int32)
        for head in heads:
            neighbors = np.where(rng.random(n_images) < 0.7, 1, rng.integers(0, 10, n_images))
            wrong = rng.random(n_images) < difficulty
            labels = np.where(wrong, truth + neighbors, truth) % n_clusters
            merged, split = rng.choice(n_clusters, 2, replace=False)
            labels[labels == merged] = (merged + 1) % n_clusters
            labels[(labels == split) & (rng.random(n_images) < 0.5)] = merged
            head[:] = rng.permutation(n_clusters)[labels]
        return truth, heads

    return make


@pytest.fixture
def random_heads() -> Callable[..., Array]:
    """Compact heads of 3, 5, 7 and 4 clusters, with labels missing or not."""

    def make(seed, *, n_images=80, missing=True):
        rng = np.random.default_rng(seed)
        lowest = -1 if missing else 0
        return np.stack([compact(rng.integers(lowest, n, n_images)) for n in (3, 5, 7, 4)])

    return make


@pytest.fixture
def dense_incidence() -> Callable[[Array], Array]:
    """The binary hypergraph of Strehl & Ghosh: images by clusters of all heads."""

    def incidence(heads: Array) -> Array:
        columns = [head == cluster for head in heads for cluster in range(head.max() + 1)]
        return np.array(columns, dtype=float).T

    return incidence


@pytest.fixture
def same_partition() -> Callable[[Array, Array], bool]:
    """Whether two clusterings differ at most in how they number their clusters."""

    def same(first: Array, second: Array) -> bool:
        pairs = set(zip(first.tolist(), second.tolist(), strict=True))
        return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})

    return same


@pytest.fixture
def dense_adjacency() -> Callable[[Adjacency], Array]:
    """The edge weights of a graph as a matrix; every edge may be there once."""

    def dense(graph: Adjacency) -> Array:
        n_vertices = len(graph.starts) - 1
        sources = np.repeat(np.arange(n_vertices), np.diff(graph.starts))
        assert len(set(zip(sources.tolist(), graph.neighbors.tolist(), strict=True))) == len(
            sources
        )
        weights = np.zeros((n_vertices, n_vertices), dtype=np.int64)
        weights[sources, graph.neighbors] = 1 if graph.edge_weights is None else graph.edge_weights
        return weights

    return dense


class MetisCall:
    """What METIS was given last, splits for empty parts apart, and what it answered."""

    graph: Adjacency
    n_parts: int
    options: Any
    parts: Array
    n_calls = 0


@pytest.fixture
def metis(monkeypatch: pytest.MonkeyPatch) -> MetisCall:
    """Watches METIS, which does its work all the same."""
    import pymetis

    part_graph = pymetis.part_graph
    seen = MetisCall()

    def watch(n_parts, adjacency, *, eweights, vweights, options, **others):
        answer = part_graph(
            n_parts, adjacency, eweights=eweights, vweights=vweights, options=options, **others
        )
        if not others["recursive"]:
            seen.n_calls += 1
            seen.n_parts, seen.options = n_parts, options
            seen.graph = Adjacency(adjacency.adj_starts, adjacency.adjacent, eweights, vweights)
            seen.parts = np.asarray(answer.vertex_part)
        return answer

    monkeypatch.setattr(pymetis, "part_graph", watch)
    return seen


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a thousand bytes to spare."""
    from ucls.ensemble import available_memory

    monkeypatch.setattr(available_memory, "available_memory", lambda: 1000)


@pytest.fixture
def python() -> Callable[..., str]:
    """Runs code in a process of its own, so that what C libraries print is seen too."""

    def run(code: str, *arguments: object, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run
