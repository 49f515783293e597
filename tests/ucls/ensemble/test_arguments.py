import numpy as np
import pytest

from ucls.ensemble.arguments import check_choices, check_n_clusters, check_numbers, check_weights
from ucls.errors import UsageError


@pytest.mark.parametrize("method", ["mcla", "vote", "hbgf", "cspa", "nmf", "hgpa", "all"])
@pytest.mark.parametrize("vertex_weights", ["unit", "size"])
def test_every_choice_is_taken(method, vertex_weights):
    check_choices(method=method, vertex_weights=vertex_weights)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"method": "best"}, "method must be one of mcla, vote, .*, all, got 'best'"),
        ({"method": "MCLA"}, "got 'MCLA'"),
        ({"vertex_weights": "sizes"}, "vertex_weights must be one of unit, size, got 'sizes'"),
    ],
)
def test_wrong_choices_are_usage_errors_with_the_names(choices, message):
    with pytest.raises(UsageError, match=message):
        check_choices(**{"method": "mcla", "vertex_weights": "unit", **choices})


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"seed": -1}, r"seed must be an integer in 0\.\.2147483647, got -1"),
        ({"seed": 2**31}, "got 2147483648"),
        ({"seed": 1.0}, r"got 1\.0"),
        ({"min_jaccard": -0.1}, r"min_jaccard must be in 0\.\.1, got -0\.1"),
        ({"min_jaccard": 1.1}, r"got 1\.1"),
        ({"min_jaccard": float("nan")}, "got nan"),
        ({"imbalance": 0.0}, r"imbalance must be None or above 0 and at most 1000, got 0\.0"),
        ({"imbalance": float("inf")}, "got inf"),
        ({"imbalance": float("nan")}, "got nan"),
    ],
)
def test_wrong_numbers_are_usage_errors_of_one_line(numbers, message):
    with pytest.raises(UsageError, match=message) as caught:
        check_numbers(**{"seed": 0, "min_jaccard": 0.02, "imbalance": None, **numbers})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", [0, 2**31 - 1, np.int64(7), np.uint8(3)])
@pytest.mark.parametrize("min_jaccard", [0.0, 1.0, 1])
@pytest.mark.parametrize("imbalance", [None, 0.001, 30])
def test_numbers_within_their_ranges_are_taken(seed, min_jaccard, imbalance):
    check_numbers(seed=seed, min_jaccard=min_jaccard, imbalance=imbalance)


def test_the_number_of_clusters_is_2_to_the_images():
    for n_clusters in (2, 5, np.int32(3)):
        check_n_clusters(n_clusters, 5)
    for n_clusters in (1, 6, 0, -3):
        with pytest.raises(UsageError, match=f"images with a label, 5, got {n_clusters}"):
            check_n_clusters(n_clusters, 5)
    for n_clusters in (2.0, "2", None):
        with pytest.raises(UsageError, match="n_clusters must be an integer"):
            check_n_clusters(n_clusters, 5)


def test_weights_by_name_or_one_positive_number_per_head():
    assert check_weights("equal", 3) == "equal"
    assert check_weights("agreement", 3) == "agreement"
    weights = check_weights([1, 2, np.float32(0.5)], 3)
    assert weights.tolist() == [1.0, 2.0, 0.5]
    assert weights.dtype == np.float64


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("loss", "must be equal, agreement or one number per head, got 'loss'"),
        ([1, 2], r"3 positive numbers, one per head, got shape \(2,\)"),
        ([[1, 2, 3]], r"got shape \(1, 3\)"),
        (2.0, r"got shape \(\)"),
        ([1, 0, 2], "got 0 among them"),
        ([1, -2, 2], "got -2 among them"),
        ([1, float("nan"), 2], "got nan among them"),
        ([1, float("inf"), 2], "got inf among them"),
        (["a", "b", "c"], "must be equal, agreement"),
        ([[1], [2, 3], 4], "must be equal, agreement"),
        (None, r"positive numbers|must be equal"),
    ],
)
def test_wrong_weights_are_usage_errors_of_one_line(weights, message):
    with pytest.raises(UsageError, match=message) as caught:
        check_weights(weights, 3)
    assert "\n" not in str(caught.value)
