import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import adjusted_rand_score

from ucls.merging.links import ClusterLinks
from ucls.merging.spectral import spectral_groups

Array = npt.NDArray[Any]


def planted(seed: int, sizes: list[int], *, n_per_group: int = 4) -> tuple[Array, ClusterLinks]:
    """Groups of four clusters each that link much within a group and little beyond."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), n_per_group)
    density = np.where(groups[:, None] == groups, 1.0, 0.1) * rng.uniform(0.7, 1.3, (len(groups),))
    images = rng.integers(20, 60, len(groups)) * np.repeat(sizes, n_per_group)
    return groups, ClusterLinks((density + density.T) * np.outer(images, images) / 500, images)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sizes", [[1] * 5, [1, 1, 1, 1, 30]])
def test_it_finds_planted_groups_whatever_their_images(seed: int, sizes: list[int]) -> None:
    groups, clusters = planted(seed, sizes)
    found = spectral_groups(clusters, 5)
    assert found.dtype == np.int32
    assert adjusted_rand_score(groups, found) == 1
    assert np.unique(found).tolist() == [0, 1, 2, 3, 4]


def test_links_within_a_cluster_have_no_part() -> None:
    _, clusters = planted(0, [1] * 5)
    tight = clusters.links + np.diag(np.random.default_rng(0).uniform(0, 1e4, 20))
    np.testing.assert_array_equal(
        spectral_groups(ClusterLinks(tight, clusters.sizes), 5), spectral_groups(clusters, 5)
    )


def test_the_order_of_clusters_does_not_matter() -> None:
    _, clusters = planted(0, [1] * 5)
    order = np.random.default_rng(0).permutation(20)
    shuffled = ClusterLinks(clusters.links[np.ix_(order, order)], clusters.sizes[order])
    found = spectral_groups(shuffled, 5)
    assert adjusted_rand_score(spectral_groups(clusters, 5)[order], found) == 1


def test_it_is_the_same_every_time() -> None:
    _, clusters = planted(3, [1] * 5)
    first = spectral_groups(clusters, 3)
    for _ in range(3):
        np.testing.assert_array_equal(spectral_groups(clusters, 3), first)


@pytest.mark.parametrize("n_groups", [4, 5, 9])
def test_no_more_clusters_than_wanted_stay_as_they_are(n_groups: int) -> None:
    clusters = ClusterLinks(np.ones((4, 4)), np.ones(4, dtype=np.int64))
    assert spectral_groups(clusters, n_groups).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n_clusters", [3, 5, 9])
def test_clusters_that_only_pseudo_links_join(n_clusters: int) -> None:
    links = np.diag(np.arange(10.0, 10 + n_clusters))
    clusters = ClusterLinks(links, np.arange(1, 1 + n_clusters)).occupied()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n_groups in range(2, n_clusters):
            found = spectral_groups(clusters, n_groups)
            assert found.max() < n_groups
