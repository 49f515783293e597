import numpy as np
import pytest
import torch

from benchmarks.speed import neighbors
from benchmarks.speed.measurement import Size
from tests.benchmarks.speed.flops import flops_of
from ucls.neighbors.search import unit_vectors

SIZE = Size(n_images=400, n_clusters=4, n_features=64)


def test_a_ratio_for_each_reference():
    ratios = neighbors.search_ratios(SIZE, n_queries=50, repeats=2)
    assert [one.against for one in ratios] == [
        "bare matmul", "FAISS IndexFlatIP.search", "scikit-learn, brute",
    ]  # fmt: skip
    assert ratios[0].name == "neighbours of 50 among 400 simulated images, D=64"
    assert all(len(measurement.ratios) == 2 for measurement in ratios)


def test_references_search_what_ours_searches():
    vectors = unit_vectors(neighbors.simulated_features(SIZE))
    works = neighbors.reference_searches(vectors, 50, SIZE.cap)
    expected = np.sort(vectors[:50] @ vectors.T, axis=1)[:, : -SIZE.cap - 1 : -1]
    similarity, _ = works["FAISS IndexFlatIP.search"]()
    np.testing.assert_allclose(similarity, expected, atol=1e-5)
    distances, _ = works["scikit-learn, brute"]()
    np.testing.assert_allclose(1.0 - distances, expected, atol=1e-5)


def test_the_bare_product_takes_all_pairs(monkeypatch):
    monkeypatch.setattr(neighbors, "IMAGES_PER_PRODUCT", 7)
    vectors = torch.ones(20, 3)
    assert flops_of(lambda: neighbors.multiply(vectors, vectors)) == 2 * 20 * 20 * 3


@pytest.mark.slow
def test_the_whole_graph_is_built_in_its_own_process():
    measurement = neighbors.graph_ratio(SIZE)
    assert measurement.against == "bare matmul"
    assert measurement.facts["mean_count"] >= 50
    pairs = measurement.facts["mean_count"] * 400
    assert measurement.facts["graph_mb"] == pytest.approx((6 * pairs + 8 * 401) / 1e6)
    assert measurement.facts["peak_mb"] > 50
