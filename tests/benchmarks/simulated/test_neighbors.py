import numpy as np
import pytest
import torch

from benchmarks.simulated import neighbors
from benchmarks.simulated.features import SimulatedFeatures
from benchmarks.simulated.neighbors import Nearest, describe_sets, draw_queries, find_nearest
from ucls.metrics.scores import neighbor_accuracy, neighbor_statistics
from ucls.neighbors.build import build_neighbors

MADE = SimulatedFeatures(1_200, 6, 128)


@pytest.mark.parametrize("threshold", [0.8, 0.3, 0.1])
def test_sets_are_those_that_ucls_builds(monkeypatch, threshold):
    monkeypatch.setattr(neighbors, "IMAGES_PER_PRODUCT", 300)
    features = MADE.chunk(slice(0, None))
    graph = build_neighbors(features, k=8, threshold=threshold, cap=200)
    nearest = find_nearest(MADE, np.arange(1_200), 200)
    (ours,) = describe_sets(nearest, [threshold], k=8)
    (above,) = neighbor_statistics(graph, MADE.labels, [threshold])
    assert ours.mean_count == pytest.approx(graph.mean_count, rel=1e-4)
    assert ours.accuracy == pytest.approx(
        neighbor_accuracy(graph.indptr, graph.indices, MADE.labels), abs=1e-4
    )
    # The graph keeps similarities in half precision.
    assert ours.accuracy_above == pytest.approx(above.accuracy, abs=2e-3)


def test_some_queries_have_the_neighbours_they_have_among_all():
    every = find_nearest(MADE, np.arange(1_200), 50)
    queries = np.array([0, 7, 1_199])
    some = find_nearest(MADE, queries, 50)
    torch.testing.assert_close(some.similarity, every.similarity[queries])
    assert torch.equal(some.is_right, every.is_right[queries])
    assert some.similarity.max() < 0.9999


def test_counts_have_a_least_and_a_most():
    nearest = Nearest(
        torch.tensor([[0.9, 0.6, 0.2], [0.5, 0.2, 0.1]]),
        torch.tensor([[True, True, False], [False, True, True]]),
    )
    high, low = describe_sets(nearest, [0.55, 0.0], k=1)
    assert high == (1.5, pytest.approx(2 / 3), 1.0)
    assert low == (3.0, pytest.approx(4 / 6), pytest.approx(4 / 6))


def test_queries_are_of_all_classes_and_drawn():
    queries = draw_queries(MADE.labels, 60, seed=0)
    np.testing.assert_array_equal(np.bincount(MADE.labels[queries]), [10] * 6)
    assert (np.diff(queries) > 0).all()
    np.testing.assert_array_equal(queries, draw_queries(MADE.labels, 60, seed=0))
    assert (queries != draw_queries(MADE.labels, 60, seed=1)).any()
    np.testing.assert_array_equal(draw_queries(MADE.labels, 5_000, seed=0), np.arange(1_200))
