from pathlib import Path

import numpy as np
import pytest

from ucls.report.sample import FEW, sample_rows, sampled_features
from ucls.runs.preparation import read_preparation
from ucls.runs.run import Run
from ucls.types import Labels


def clusters_of(*sizes: int) -> Labels:
    """Shuffled labels with so many images in each cluster."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(0).permutation(labels).astype(np.int32)


def test_few_images_are_all_taken() -> None:
    assert sample_rows(clusters_of(3, 4), 7, seed=0).tolist() == list(range(7))
    assert sample_rows(clusters_of(), 7, seed=0).tolist() == []


@pytest.mark.parametrize("seed", [0, 1])
def test_clusters_are_drawn_in_proportion_but_for_small_ones(seed: int) -> None:
    clusters = clusters_of(60_000, 30_000, 10_000, 20, 3)
    rows = sample_rows(clusters, 1000, seed=seed)
    assert rows.dtype == np.int64
    assert len(rows) == len(set(rows.tolist())) == 1000
    assert (np.diff(rows) > 0).all()
    counts = np.bincount(clusters[rows], minlength=5)
    assert counts[3:].tolist() == [FEW, 3]
    np.testing.assert_allclose(counts[:3], np.array([0.6, 0.3, 0.1]) * 992, atol=1)


def test_the_seed_decides_which() -> None:
    clusters = clusters_of(500, 500)
    first, again, other = (sample_rows(clusters, 50, seed=seed).tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("n_clusters", "size"), [(300, 1000), (300, 300), (300, 299), (300, 1)])
def test_many_clusters_share_what_there_is_room_for(n_clusters: int, size: int) -> None:
    clusters = clusters_of(*range(10, n_clusters + 10))
    counts = np.bincount(clusters[sample_rows(clusters, size, seed=0)], minlength=n_clusters)
    assert counts.sum() == size
    assert (counts > 0).sum() == min(n_clusters, size)
    assert counts[-1] >= 1


def test_images_marked_as_wrong_are_one_more_cluster() -> None:
    clusters = clusters_of(1000, 20) - np.int32(1)
    assert (clusters[sample_rows(clusters, 100, seed=0)] == -1).sum() == 95


def test_a_cluster_that_is_taken_whole_lends_its_share() -> None:
    clusters = clusters_of(4, 4, 4, 1000)
    counts = np.bincount(clusters[sample_rows(clusters, 1011, seed=0)])
    assert counts.sum() == 1011
    assert (counts >= [4, 4, 4, 998]).all()


def test_only_the_rows_wanted_are_read_over_all_splits(run_path: Path) -> None:
    run = Run(run_path)
    whole = []
    for split in run.splits:
        with run.features(split) as features:
            whole.append(read_preparation(run).of_array(features.read(run.feature_set)))
    everything = np.concatenate(whole)
    for rows in ([0, 7, 119, 120, 159], [130], [3], []):
        found = sampled_features(run, np.array(rows, np.int64))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, everything[rows], atol=1e-6)
