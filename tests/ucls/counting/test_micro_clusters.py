import numpy as np
import pytest
import torch

from ucls.counting.micro_clusters import (
    count_micro_clusters,
    link_micro_clusters,
    micro_clusters,
    nearest_neighbors,
)
from ucls.preparation.prepared import unit_length


@pytest.mark.parametrize(("n_images", "expected"), [(20, 8), (300, 20), (10_000, 500)])
def test_each_holds_about_fifteen_images(n_images: int, expected: int) -> None:
    assert count_micro_clusters(n_images) == expected


@pytest.mark.parametrize("seed", range(3))
def test_groups_far_apart_are_not_mixed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.arange(200) % 4
    made = 10 * np.eye(4, 16)[groups] + rng.normal(size=(200, 16))
    unit = unit_length(torch.from_numpy(made.astype(np.float32)))
    labels = micro_clusters(unit, 16, seed=seed, n_clusterings=3)
    assert labels.shape == (3, 200)
    assert labels.max() < 16
    assert len(np.unique(labels[0])) > 4
    for clustering in labels:
        held = {(cluster, group) for cluster, group in zip(clustering, groups, strict=True)}
        assert len(held) == len(np.unique(clustering))
    assert np.array_equal(labels, micro_clusters(unit, 16, seed=seed, n_clusterings=3))
    links = link_micro_clusters(labels, nearest_neighbors(made.astype(np.float32)))
    assert len(links.sizes) == sum(len(np.unique(clustering)) for clustering in labels)
    assert links.sizes.sum() == 600
