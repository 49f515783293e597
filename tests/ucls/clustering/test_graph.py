import numpy as np
import pytest

from tests.conftest import Lines, blobs
from ucls.clustering.fitting import fit_settings
from ucls.clustering.graph import cap_of, check_distinct, find_neighborhood
from ucls.errors import UsageError
from ucls.progress import SILENT
from ucls.settings.config import Config


def test_the_cap() -> None:
    assert cap_of("balanced", 120, 4) == 30
    assert cap_of("none", 120, 4) is None
    assert cap_of(7, 120, 4) == 7


def test_balanced_sets_of_many_images_stay_within_memory() -> None:
    assert cap_of("balanced", 1_281_167, 1_000) == 1_281
    assert cap_of("balanced", 1_000_000, 20) == 2_000
    assert cap_of("balanced", 100_000_000, 10) == 20
    assert cap_of("balanced", 4_000_000_000, 10) == 1
    assert cap_of("none", 1_000_000, 20) is None


def test_equal_features_are_refused_and_too_few_different_ones_told(lines: Lines) -> None:
    with pytest.raises(UsageError, match="all 9 rows of features are the same"):
        check_distinct(np.ones((9, 2), np.float32), 3, lines)
    two = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)
    check_distinct(two, 2, lines)
    assert lines.said == []
    check_distinct(two, 3, lines)
    assert lines.said[0].startswith("WARNING: only 2 distinct rows of features for 3 clusters")


def burst_photos(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """300 images in 4 blobs, of which each ten are all but the same."""
    features, labels = blobs(30, seed)
    rng = np.random.default_rng(seed)
    features = np.repeat(features, 10, axis=0)
    features += 1e-3 * rng.normal(size=features.shape).astype(np.float32)
    return features, np.repeat(labels, 10)


@pytest.mark.parametrize("seed", range(3))
def test_of_bursts_more_neighbours_are_taken_until_they_lead_on(seed: int, lines: Lines) -> None:
    features, labels = burst_photos(seed)
    fitted = fit_settings(Config(n_clusters=4), features)
    graph = find_neighborhood(features, fitted, reporter=lines).graph
    assert fitted.neighbors.k == 5
    assert graph.k > 10
    sources = np.repeat(np.arange(300), graph.counts)
    is_within = sources // 10 == graph.indices // 10
    assert (labels[sources] == labels[graph.indices])[~is_within].mean() > 0.7
    (line,) = lines.said
    assert line.startswith("neighbors: most images lie in small pieces of what is nearest, as in ")
    assert line.endswith("bursts of near-duplicates, so the 37 nearest are taken, not 5")


def test_where_it_is_asked_for_k_stays(lines: Lines) -> None:
    features, _ = burst_photos(0)
    asked = Config(n_clusters=4).with_values({"neighbors.widen": False})
    graph = find_neighborhood(features, fit_settings(asked, features), reporter=lines).graph
    assert (graph.k, lines.said) == (5, [])


def test_where_k_is_as_large_already_nothing_is_told(lines: Lines) -> None:
    features, _ = burst_photos(0)
    asked = Config(n_clusters=4).with_values({"neighbors.k": 37})
    graph = find_neighborhood(features, fit_settings(asked, features), reporter=lines).graph
    assert (graph.k, lines.said) == (37, [])


@pytest.mark.parametrize("seed", range(3))
def test_most_neighbors_are_of_the_same_blob_and_features_stay_as_they_are(seed: int) -> None:
    features, labels = blobs(120, seed)
    before = features.copy()
    asked = Config(n_clusters=4).with_values({"neighbors.k": 5, "neighbors.cap": 10})
    found = find_neighborhood(features, fit_settings(asked, features), reporter=SILENT)
    np.testing.assert_array_equal(features, before)
    assert found.preparation.kinds == ("distance",)
    assert found.features.shape == (120, 9)
    assert 5 <= found.graph.counts.min() <= found.graph.counts.max() <= 10
    sources = np.repeat(np.arange(120), found.graph.counts)
    assert (labels[sources] == labels[found.graph.indices]).mean() > 0.9
