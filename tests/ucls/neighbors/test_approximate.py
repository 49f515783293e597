import numpy as np
import numpy.typing as npt
import pytest

from ucls.neighbors import approximate
from ucls.neighbors.approximate import IvfSearch, approximate_search, exact_seconds
from ucls.neighbors.build import build_neighbors
from ucls.tables import RowTable
from ucls.types import NeighborGraph

N, D, K = 3000, 12, 8
Features = npt.NDArray[np.float32]


def clustered(seed: int) -> Features:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, D))
    return (centres[rng.integers(40, size=N)] + 0.3 * rng.normal(size=(N, D))).astype(np.float32)


def table(features: Features) -> RowTable:
    return RowTable(lambda rows: features[rows].copy(), features.shape, features.dtype)


def share_found(graph: NeighborGraph, exact: NeighborGraph) -> float:
    both = zip(graph.indices.reshape(-1, K), exact.indices.reshape(-1, K), strict=True)
    return sum(len(np.intersect1d(*pair)) for pair in both) / exact.indices.size


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("on_disk", [False, True])
def test_the_share_that_is_found_is_the_one_that_is_told(seed: int, on_disk: bool) -> None:
    features = clustered(seed)
    given = table(features) if on_disk else features
    search, recall = approximate_search(given, k=K, device="cpu", seed=seed)
    graph = build_neighbors(given, k=K, threshold=1.0, search=search)
    found = share_found(graph, build_neighbors(features, k=K, threshold=1.0))
    assert found > 0.9
    assert recall == pytest.approx(found, abs=0.02)
    assert search.n_probe < search.n_lists
    for image in (0, 17, N - 1):
        indices, similarity = graph.row(image)
        assert image not in indices
        assert (np.diff(similarity.astype(np.float32)) <= 0).all()
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        np.testing.assert_allclose(similarity, unit[indices] @ unit[image], atol=0.02)


def test_more_lists_are_looked_into_until_enough_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
    monkeypatch.setattr(approximate, "FEWEST_PROBES", 1)
    recalls, probes = [], []
    for enough in (0.3, 0.8, 0.99):
        monkeypatch.setattr(approximate, "ENOUGH", enough)
        search, recall = approximate_search(features, k=K, device="cpu")
        recalls.append(recall)
        probes.append(search.n_probe)
        assert recall >= enough
    assert sorted(set(probes)) == probes


def test_each_image_gets_k_neighbors_however_short_the_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(approximate, "FEWEST_PROBES", 1)
    features = clustered(0)[:400]
    search = IvfSearch(features, k=300)
    graph = build_neighbors(features, k=300, threshold=1.0, search=search)
    assert (graph.counts == 300).all()
    assert len(np.unique(graph.row(5)[0])) == 300


def test_thresholds_and_caps_hold() -> None:
    features = clustered(1)
    search, _ = approximate_search(features, k=K, device="cpu")
    settings = {"k": K, "threshold": 0.8, "cap": 50}
    graph = build_neighbors(features, **settings, search=search)
    exact = build_neighbors(features, **settings)
    assert graph.counts.max() <= 50
    assert graph.mean_count == pytest.approx(exact.mean_count, rel=0.05)


def test_the_seed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximate, "LISTS_PER_ROOT", 1)
    features, found = clustered(2), []
    for seed in (0, 0, 1):
        search = IvfSearch(features, k=K, seed=seed)
        found.append(build_neighbors(features, k=K, threshold=1.0, search=search).indices)
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_the_time_of_exact_search_grows_with_the_square(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximate, "TIMED_IMAGES", 1000)
    monkeypatch.setattr(approximate, "TIMED_QUERIES", 100)
    monkeypatch.setattr(approximate.time, "perf_counter", iter([0.0, 2.0, 0.0, 2.0]).__next__)
    features = clustered(0)
    assert exact_seconds(features[:1000], "cpu") == pytest.approx(20.0)
    assert exact_seconds(features, "cpu") == pytest.approx(180.0)
