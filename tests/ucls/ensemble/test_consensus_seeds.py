import numpy as np
import pytest

from ucls.ensemble import consensus
from ucls.ensemble.methods import METHODS

every_method = pytest.mark.parametrize("method", METHODS)
some_seeds = pytest.mark.parametrize("seed", range(4))


@every_method
@some_seeds
def test_the_same_seed_gives_the_same_labels(method, seed, make_heads):
    _, heads = make_heads(seed, n_images=150, error=0.6)
    first, second = (consensus(heads, 10, method=method, seed=seed) for _ in range(2))
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.confidence, second.confidence)


@pytest.mark.parametrize("method", ["mcla", "hbgf", "cspa", "nmf"])
def test_another_seed_may_give_other_labels(method):
    heads = np.random.default_rng(0).integers(0, 10, (20, 500))
    first, second = (consensus(heads, 5, method=method, seed=seed).labels for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_vote_draws_nothing():
    heads = np.random.default_rng(0).integers(0, 10, (10, 500))
    first, second = (consensus(heads, 10, method="vote", seed=seed).labels for seed in (1, 2))
    assert np.array_equal(first, second)


@pytest.mark.slow
def test_what_ran_before_does_not_matter(make_heads):
    _, heads = make_heads(0, n_images=150, error=0.6)
    _, others = make_heads(1, n_images=100, error=0.6)
    for method in METHODS:
        first = consensus(heads, 10, method=method, seed=3)
        consensus(others, 10, method="all", seed=8)
        np.random.default_rng().random()
        assert np.array_equal(first.labels, consensus(heads, 10, method=method, seed=3).labels)


HASHES = """
import hashlib
import os
import sys

n_cores = int(sys.argv[1])
os.cpu_count = lambda: n_cores
import numpy as np
from ucls.ensemble import consensus

rng = np.random.default_rng(0)
truth = rng.integers(0, 12, 800)
guesses = rng.integers(0, 12, (8, 800))
heads = np.where(rng.random(guesses.shape) < 0.5, guesses, truth)
for seed in (1, 2):
    kept = consensus(heads, 12, method="all", seed=seed)
    for method, result in kept.comparison.results.items():
        content = result.labels.tobytes() + result.confidence.tobytes()
        print(method, seed, hashlib.sha256(content).hexdigest())
"""


@pytest.mark.slow
def test_the_number_of_threads_does_not_matter(python):
    said = [
        python(
            HASHES, n_threads, OMP_NUM_THREADS=f"{n_threads}", OPENBLAS_NUM_THREADS=f"{n_threads}"
        )
        for n_threads in (1, 4)
    ]
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 2 * len(METHODS)
