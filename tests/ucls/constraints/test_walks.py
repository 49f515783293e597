import numpy as np
import pytest

from ucls.constraints.walks import STOPS, hear, steps_of
from ucls.neighbors import build_neighbors
from ucls.types import NeighborGraph


def chain(n_images: int) -> NeighborGraph:
    """Each image has the next as its neighbour."""
    indices = np.minimum(np.arange(1, n_images + 1), n_images - 2).astype(np.int32)
    indices[:-1] = np.arange(1, n_images)
    return NeighborGraph(
        np.arange(n_images + 1),
        indices,
        np.ones(n_images, np.float16),
        k=1,
        threshold=None,
        cap=None,
        n_capped=0,
        backend="made",
        exact=True,
    )


def test_steps_go_both_ways_and_have_sum_1() -> None:
    steps = steps_of(chain(4)).toarray()
    # The last two are neighbours of each other, which counts twice.
    expected = [[0, 1, 0, 0], [1 / 2, 0, 1 / 2, 0], [0, 1 / 3, 0, 2 / 3], [0, 0, 1, 0]]
    np.testing.assert_allclose(steps, expected, rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_heard_solves_the_equations_of_the_paper(seed: int) -> None:
    """Zhu, Ghahramani & Lafferty, 2003, section 4, solved directly."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(40, 5)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    steps = steps_of(build_neighbors(features, k=8, threshold=1.0))
    votes = rng.dirichlet(np.ones(3), size=40).astype(np.float32)
    known = np.zeros(40, bool)
    known[rng.choice(40, 4, replace=False)] = True
    votes[known] = np.eye(3)[rng.integers(3, size=4)]
    dense, free = (1 - STOPS) * steps.toarray().astype(np.float64), ~known
    right = dense[np.ix_(free, known)] @ votes[known] + STOPS * votes[free]
    expected = np.linalg.solve(np.eye(36) - dense[np.ix_(free, free)], right)
    heard = hear(steps, votes, known)
    np.testing.assert_allclose(heard[free], expected, atol=0.01)
    assert (heard[known] == votes[known]).all()
    np.testing.assert_allclose(heard.sum(axis=1), 1.0, rtol=1e-4)
