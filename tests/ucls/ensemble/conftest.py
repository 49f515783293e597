from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

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
def same_partition() -> Callable[[Array, Array], bool]:
    """Whether two clusterings differ at most in how they number their clusters."""

    def same(first: Array, second: Array) -> bool:
        pairs = set(zip(first.tolist(), second.tolist(), strict=True))
        return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})

    return same
