import numpy as np
import pytest

from benchmarks.sets import blobs
from ucls.errors import UclsError
from ucls.metrics import clustering_accuracy
from ucls.peers import algorithms as peers


@pytest.mark.parametrize("peer", peers.PEERS)
def test_blobs_far_apart_are_found_by_every_peer(peer: str) -> None:
    made = blobs(300, noise=0.1)
    found = peers.PEERS[peer](made["features"], 5, 0)
    assert found.dtype == np.int32
    assert clustering_accuracy(made["labels"], found) > 0.95


@pytest.mark.parametrize("peer", peers.SEEDLESS)
def test_what_is_said_to_draw_nothing_draws_nothing(peer: str) -> None:
    features = blobs(100, noise=0.29)["features"]
    first, second = (peers.PEERS[peer](features, 5, seed) for seed in (0, 1))
    np.testing.assert_array_equal(first, second)


def test_k_means_has_its_accuracy_on_the_noisy_blobs() -> None:
    made = blobs(300, noise=0.29)
    found = peers.kmeans(made["features"], 5, 0)
    assert clustering_accuracy(made["labels"], found) == pytest.approx(0.97, abs=0.02)


def test_scaling_undoes_a_column_of_another_unit() -> None:
    made = blobs(300, noise=0.1)
    noise = np.random.default_rng(0).normal(size=300)
    features = np.column_stack([made["features"], 100 * noise]).astype(np.float32)
    plain, scaled = (
        clustering_accuracy(made["labels"], peer(features, 5, 0))
        for peer in (peers.kmeans, peers.scaled_kmeans)
    )
    assert plain < 0.5
    assert scaled > 0.95


def test_noise_of_hdbscan_is_no_cluster() -> None:
    made = blobs(300, noise=0.1)
    far = 100 * np.random.default_rng(0).normal(size=(10, 32)).astype(np.float32)
    found = peers.hdbscan(np.vstack([made["features"], far]), 5, 0)
    assert (found[300:] == -1).all()
    assert peers.count_clusters(found) == 5


@pytest.mark.parametrize("n_clusters", [2, 5, 12])
def test_leiden_finds_as_many_communities_as_are_wanted(n_clusters: int) -> None:
    found = peers.leiden(blobs(300, noise=0.29)["features"], n_clusters, 0)
    assert peers.count_clusters(found) == n_clusters


def test_leiden_comes_near_where_parts_of_the_graph_are_more_than_wanted() -> None:
    assert peers.count_clusters(peers.leiden(blobs(300, noise=0.01)["features"], 2, 0)) == 5


def test_ward_refuses_what_does_not_fit_into_memory(monkeypatch) -> None:
    monkeypatch.setattr(peers, "available_memory", lambda: 700_000)
    with pytest.raises(UclsError, match=r"0\.0 GB of memory for the distances of 300 images"):
        peers.ward(blobs(300, noise=0.1)["features"], 5, 0)
    assert len(peers.ward(blobs(290, noise=0.1)["features"], 5, 0)) == 290
