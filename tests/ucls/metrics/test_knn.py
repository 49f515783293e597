import numpy as np
import numpy.typing as npt
import pytest

from ucls.metrics.knn import knn_votes
from ucls.types import Labels

CLASSES = 4

all_seeds = pytest.mark.parametrize("seed", range(3))


def images(seed: int, n: int) -> tuple[npt.NDArray[np.float32], Labels]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=n).astype(np.int32)
    features = np.eye(6)[labels] + 0.7 * rng.normal(size=(n, 6))
    return (features * rng.uniform(0.1, 9.0, size=(n, 1))).astype(np.float32), labels


def unit(x: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    return x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)


@all_seeds
@pytest.mark.parametrize("chunk", [7, 4096])
def test_votes_equal_dense_ones(seed: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ucls.metrics.knn.CHUNK", chunk)
    (train, labels), (others, _) = images(seed, 120), images(seed + 10, 40)
    found = knn_votes(train, labels, others, ks=(5, 20, 1000))
    cosine = unit(others) @ unit(train).T
    order = np.argsort(-cosine, axis=1)
    of_class = labels == np.arange(CLASSES)[:, None]
    for k, votes in found.items():
        is_near = np.zeros_like(cosine)
        np.put_along_axis(is_near, order[:, :k], 1.0, axis=1)
        weights = is_near * np.exp(cosine / 0.07)
        np.testing.assert_array_equal(votes.weighted, (weights @ of_class.T).argmax(axis=1))
        np.testing.assert_array_equal(votes.majority, (is_near @ of_class.T).argmax(axis=1))
    assert any((votes.weighted != votes.majority).any() for votes in found.values())


def test_one_very_similar_image_outvotes_many() -> None:
    train = np.array([[1, 0], [0, 1], [0.1, 1], [-0.1, 1]], np.float32)
    votes = knn_votes(
        train, np.array([1, 0, 0, 0], np.int32), np.array([[1, 0.01]], np.float32), ks=(4,)
    )[4]
    assert (votes.weighted.tolist(), votes.majority.tolist()) == ([1], [0])
