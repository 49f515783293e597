import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from ucls.ensemble.mutual_information import (
    average_nmi,
    centrality,
    normalized_mutual_information,
)


def reference(first, second):
    return normalized_mutual_info_score(first, second, average_method="geometric")


@pytest.mark.parametrize("seed", range(10))
def test_nmi_equals_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, rng.integers(1, 9), 70)
    second = np.where(rng.random(70) < 0.5, first, rng.integers(0, 5, 70))
    assert normalized_mutual_information(first, second) == pytest.approx(reference(first, second))


def test_nmi_closed_forms():
    halves = np.array([0, 0, 1, 1])
    assert normalized_mutual_information(halves, 1 - halves) == pytest.approx(1.0)
    assert normalized_mutual_information(halves, np.array([0, 1, 0, 1])) == pytest.approx(0.0)
    # I = log 2, H = log 2 and log 4.
    assert normalized_mutual_information(halves, np.arange(4)) == pytest.approx(np.sqrt(0.5))


def test_nmi_of_single_clusters():
    one, two = np.zeros(4, dtype=int), np.array([0, 0, 1, 1])
    assert normalized_mutual_information(one, one) == 1.0
    assert normalized_mutual_information(one, two) == 0.0


def test_nmi_leaves_missing_images_out():
    first, second = np.array([0, 1, 1, -1, 0, 2]), np.array([1, 0, 1, 0, -1, 1])
    known = [0, 1, 2, 5]
    expected = reference(first[known], second[known])
    assert normalized_mutual_information(first, second) == pytest.approx(expected)


def test_nmi_without_a_common_image_is_zero():
    assert normalized_mutual_information(np.array([0, -1]), np.array([-1, 0])) == 0.0


def test_average_nmi_is_the_mean_over_heads(make_heads):
    truth, heads = make_heads(0, n_images=200, n_heads=3)
    expected = np.mean([reference(head, truth) for head in heads])
    assert average_nmi(heads, truth) == pytest.approx(expected)


def test_centrality_is_the_mean_nmi_to_the_other_heads(make_heads):
    _, heads = make_heads(0, n_images=200, n_heads=4)
    for i, central in enumerate(centrality(heads)):
        others = [reference(heads[i], heads[j]) for j in range(4) if j != i]
        assert central == pytest.approx(np.mean(others))
