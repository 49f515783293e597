import numpy as np
import pytest

from ucls.heads.collapse import collapse_reason, collapsed_heads

N_CLUSTERS = 10
EVEN = np.arange(200, dtype=np.int32) % N_CLUSTERS
FEW = EVEN % 4
LOPSIDED = np.where(np.arange(200) < 185, 0, EVEN).astype(np.int32)


def random_labels(seed: int, n_heads: int, n_images: int, n_clusters: int) -> np.ndarray:
    labels = np.random.default_rng(seed).integers(n_clusters, size=(n_heads, n_images))
    return labels.astype(np.int32)


def test_why_a_head_has_collapsed():
    assert collapse_reason(EVEN, N_CLUSTERS) is None
    assert collapse_reason(FEW, N_CLUSTERS) == "fills 4 of 10 clusters"
    reason = collapse_reason(LOPSIDED, N_CLUSTERS)
    assert reason.startswith("is as uneven as 1.")
    assert reason.endswith("equal clusters of 10")
    assert collapse_reason(np.full(5, -1, np.int32), N_CLUSTERS) == "fills 0 of 10 clusters"


def test_at_the_bounds_a_head_has_not_collapsed():
    assert collapse_reason(EVEN % 5, N_CLUSTERS) is None
    assert collapse_reason(np.int32([0, 1]), 4) is None


@pytest.mark.parametrize("seed", range(3))
def test_collapsed_heads_are_named_with_the_reason(seed: int) -> None:
    labels = random_labels(seed, 4, 200, 10)
    labels[1] %= 3
    labels[3] = np.where(np.arange(200) < 185, 0, np.arange(200) % 10)
    assert collapsed_heads(labels, [10] * 4) == {
        1: "fills 3 of 10 clusters",
        3: collapse_reason(labels[3], 10),
    }
    assert collapsed_heads(labels[[0, 2]], [10, 10]) == {}


@pytest.mark.parametrize("seed", range(3))
def test_each_head_is_measured_by_its_own_clusters(seed: int) -> None:
    row = random_labels(seed, 1, 200, 4)[0]
    labels = np.stack([row, row, row])
    assert collapsed_heads(labels, [4, 20, 8]) == {1: "fills 4 of 20 clusters"}


@pytest.mark.parametrize("n_images", [1, 6, 20])
def test_fewer_images_than_clusters_are_no_collapse(n_images: int) -> None:
    labels = np.arange(n_images, dtype=np.int32)[None]
    assert collapsed_heads(labels, [100]) == {}
    assert collapsed_heads(labels + 80, [100]) == {}


def test_fewer_images_than_clusters_may_collapse() -> None:
    labels = np.zeros((1, 20), dtype=np.int32)
    assert collapsed_heads(labels, [100]) == {0: "fills 1 of 20 clusters"}
