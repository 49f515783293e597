import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from ucls.metrics.novelty import nearest_similarity, share_far


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def test_the_nearest_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    known, new = rng.normal(size=(50, 7)), rng.normal(size=(9, 7))
    parts = np.split(known, [13, 14, 40])
    expected = cosine_similarity(new, known).max(axis=1)
    np.testing.assert_allclose(nearest_similarity(new, parts), expected, atol=1e-6)
    own = np.array([0, 13, 49, 20])
    among = cosine_similarity(known[own], known)
    among[np.arange(4), own] = -1
    found = nearest_similarity(known[own], parts, own)
    np.testing.assert_allclose(found, among.max(axis=1), atol=1e-6)


def test_rows_of_zeros_and_half_precision() -> None:
    known = np.eye(3, dtype=np.float16)
    found = nearest_similarity(np.array([[0, 0, 0], [0, 5, 0]], np.float16), [known])
    np.testing.assert_allclose(found, [0, 1])


def test_images_of_the_same_kind_are_seldom_taken_for_others(rng: np.random.Generator) -> None:
    known = rng.normal(size=1000)
    alarms = [share_far(rng.normal(size=n), known) is not None for n in (1, 2, 5, 40) * 100]
    assert sum(alarms) < 10


def test_images_of_another_kind_are_told(rng: np.random.Generator) -> None:
    known = rng.normal(size=1000)
    assert share_far(rng.normal(size=40) - 5, known) == pytest.approx(1, abs=0.05)
    half = np.concatenate([rng.normal(size=100) - 9, rng.normal(size=100) + 9])
    assert share_far(half, known) == 0.5


def test_few_images_are_no_sign() -> None:
    known = np.linspace(0, 1, 100)
    assert share_far(np.array([-1.0]), known) is None
    assert share_far(np.array([]), known) is None
    assert share_far(np.full(3, -1.0), known) == 1
    assert share_far(np.concatenate([np.full(15, -1.0), np.full(85, 0.5)]), known) is None
