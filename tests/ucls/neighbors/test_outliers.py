import numpy as np
import numpy.typing as npt
import pytest

from ucls.neighbors.build import build_neighbors
from ucls.neighbors.outliers import (
    NEAREST,
    distances_to,
    find_outliers,
    n_nearest,
    nearest_distances,
    outliers_from,
    usual_distances,
)

SPREADS = np.array([0.15, 0.2, 0.3, 0.4, 0.6])


def planted(
    n_outliers: int, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Centred features [1000 + n, 64] around five corners, the nearest corner, which are planted.

    The clusters are of different density, the outliers anywhere.
    """
    rng = np.random.default_rng(seed)
    corners = rng.normal(size=(5, 64))
    clusters = rng.permutation(1000) % 5
    inside = corners[clusters] + SPREADS[clusters, None] * rng.normal(size=(1000, 64))
    features = np.concatenate([inside, 1.2 * rng.normal(size=(n_outliers, 64))])
    nearest = (features @ corners.T - 0.5 * (corners**2).sum(axis=1)).argmax(axis=1)
    is_planted = np.arange(len(features)) >= 1000
    centred = (features - features.mean(axis=0)).astype(np.float32)
    return centred, nearest.astype(np.int32), is_planted


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_outliers", [20, 80])
def test_auto_finds_planted_outliers(n_outliers: int, seed: int) -> None:
    features, clusters, is_planted = planted(n_outliers, seed)
    graph = build_neighbors(features, k=10, threshold=1)
    told = find_outliers(graph, clusters, "auto", n_clusters=5)
    found = told.scores >= told.least
    assert found[is_planted].mean() >= 0.9
    assert is_planted[found].mean() >= 0.98


@pytest.mark.parametrize("seed", range(4))
def test_auto_finds_none_where_there_are_none(seed: int) -> None:
    features, clusters, _ = planted(0, seed)
    graph = build_neighbors(features, k=10, threshold=1)
    told = find_outliers(graph, clusters, "auto", n_clusters=5)
    assert not (told.scores >= told.least).any()


def test_a_share_takes_the_farthest() -> None:
    features, clusters, is_planted = planted(20, 0)
    graph = build_neighbors(features, k=12, threshold=1)
    told = find_outliers(graph, clusters, 20 / 1020, n_clusters=5)
    np.testing.assert_array_equal(told.scores >= told.least, is_planted)
    assert outliers_from(told.scores, 1e-6) == float("inf")


def test_distances_are_to_the_tenth_neighbour_or_the_last() -> None:
    features, _, _ = planted(0, 1)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    apart = np.sort(np.linalg.norm(unit[:50, None] - unit[None, :50], axis=2), axis=1)
    for k, place in ((30, NEAREST), (4, 4)):
        graph = build_neighbors(features[:50], k=k, threshold=1)
        assert n_nearest(graph) == place
        np.testing.assert_allclose(nearest_distances(graph), apart[:, place], atol=2e-3)


def test_distances_of_others_equal_those_of_the_graph() -> None:
    features, _, _ = planted(0, 2)
    others = distances_to(features, 3 * features[:7], NEAREST + 1)
    graph = build_neighbors(features, k=10, threshold=1)
    np.testing.assert_allclose(others, nearest_distances(graph)[:7], atol=2e-3)


def test_a_cluster_of_few_images_has_the_usual_distance_of_all() -> None:
    distances = np.array([1.0] * 30 + [4.0] * 11 + [9.0] * 10, np.float32)
    clusters = np.array([0] * 30 + [1] * 11 + [2] * 9 + [-1], np.int32)
    assert usual_distances(distances, clusters, 4).tolist() == [1.0, 4.0, 1.0, 1.0]


@pytest.mark.parametrize("scores", [np.ones(50), np.r_[np.ones(49), 7.0]])
def test_without_any_spread_nothing_stands_out(scores: npt.NDArray[np.float64]) -> None:
    assert outliers_from(scores.astype(np.float32), "auto") == float("inf")
