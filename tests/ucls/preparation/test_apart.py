import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ucls.errors import NothingLeftError
from ucls.preparation.apart import leave_out, telling_directions
from ucls.preparation.fitting import fit_space
from ucls.preparation.prepared import OMIT, Preparation, PreparedSpace

KINDS = ("none", "center", "center-1", "standardize", "distance", "pca", "whiten")


def two_factors(
    n: int = 600, width: int = 24, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
    """Features [n, width] of four kinds times three, in blocks that are turned at random."""
    rng = np.random.default_rng(seed)
    first, second = (rng.integers(0, k, n).astype(np.int32) for k in (4, 3))
    blocks = [8 * np.eye(4)[first], 5 * np.eye(3)[second], np.zeros((n, width - 7))]
    turned = np.linalg.qr(rng.normal(size=(width, width)))[0]
    noisy = np.concatenate(blocks, axis=1) + rng.normal(size=(n, width))
    return (noisy @ turned + rng.normal(size=width)).astype(np.float32), first, second


def accuracy(features: NDArray[np.floating], labels: NDArray[np.int32]) -> float:
    """Of a linear classifier on the images that it has seen."""
    score: float = LogisticRegression(max_iter=200).fit(features, labels).score(features, labels)
    return score


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_no_linear_classifier_tells_the_clusters_apart_any_more(kind: str, seed: int) -> None:
    features, first, second = two_factors(seed=seed)
    space = fit_space(features, kind).space
    rest = leave_out(space, features, first)
    prepared = rest(torch.from_numpy(features)).numpy()
    assert accuracy(space(torch.from_numpy(features)).numpy(), second) > 0.95
    assert accuracy(prepared, first) < 0.45
    if kind != "center-1":  # where the direction that is left out is one of either
        assert accuracy(prepared, second) > 0.95
    assert prepared.shape[1] == rest.prepared_width
    assert rest.kind == f"{kind}-apart"


def test_directions_are_those_of_the_means() -> None:
    features, first, _ = two_factors()
    space = PreparedSpace("none", 24)
    found = telling_directions(space, features, first).numpy()
    assert found.shape == (24, 3)
    np.testing.assert_allclose(found.T @ found, np.eye(3), atol=1e-12)
    means = np.stack([features[first == c].mean(axis=0, dtype=np.float64) for c in range(4)])
    differences = means[1:] - means[0]
    np.testing.assert_allclose(differences - differences @ found @ found.T, 0, atol=1e-3)


def test_more_clusters_than_columns_leave_what_does_not_tell_them_apart() -> None:
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(12), 50).astype(np.int32)
    other = rng.integers(0, 2, 600)
    features = np.stack([20.0 * clusters, 6.0 * other, np.zeros(600)], axis=1)
    features = (features + rng.normal(size=features.shape)).astype(np.float32)
    rest = leave_out(fit_space(features, "center").space, features, clusters)
    directions = telling_directions(PreparedSpace("none", 3), features, clusters)
    assert directions.shape == (3, 1)
    assert rest.dropped is not None
    assert rest.dropped.shape[1] < 3


def test_several_clusterings_are_left_out_one_after_the_other() -> None:
    features, first, second = two_factors()
    rest = leave_out(fit_space(features, "center").space, features, first)
    rest = leave_out(rest, features, second)
    prepared = rest(torch.from_numpy(features)).numpy()
    assert rest.kind == "center-apart"
    assert rest.dropped is not None
    np.testing.assert_allclose(rest.dropped.T @ rest.dropped, np.eye(5), atol=1e-5)
    assert max(accuracy(prepared, first), accuracy(prepared, second)) < 0.5


def test_images_in_no_cluster_do_not_count() -> None:
    features, first, _ = two_factors()
    space = PreparedSpace("none", 24)
    few = first.copy()
    few[::3] = -1
    known = few >= 0
    np.testing.assert_allclose(
        telling_directions(space, features, few),
        telling_directions(space, features[known], few[known]),
        atol=1e-10,
    )


def test_nothing_that_is_left_is_told() -> None:
    rng = np.random.default_rng(0)
    clusters = np.arange(200, dtype=np.int32) % 4
    corners = np.array([[0, 0], [0, 9], [9, 0], [9, 9]])[clusters]
    features = (corners + rng.normal(size=(200, 2))).astype(np.float32)
    space = fit_space(features, "distance").space
    with pytest.raises(NothingLeftError, match=r"every direction of the features.* 2 columns"):
        leave_out(space, features, clusters)


def test_a_space_that_is_left_out_stays_so() -> None:
    features, first, _ = two_factors()
    space = PreparedSpace(OMIT, 24)
    assert leave_out(space, features, first) is space


def test_it_is_restored_from_its_tensors() -> None:
    features, first, _ = two_factors()
    preparation = Preparation([leave_out(PreparedSpace("none", 24), features, first)])
    assert not preparation.is_none
    again = Preparation.restore(preparation.describe(), preparation.tensors())
    rows = torch.from_numpy(features)
    assert torch.equal(again(rows), preparation(rows))
