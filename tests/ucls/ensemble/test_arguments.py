import numpy as np
import pytest

from ucls.ensemble.arguments import (
    check_method,
    check_n_clusters,
    check_options,
    check_seed,
    check_weights,
)
from ucls.errors import UsageError


@pytest.mark.parametrize("method", ["mcla", "vote", "hbgf", "cspa", "nmf", "hgpa", "all"])
def test_every_method_is_taken(method):
    check_method(method)


@pytest.mark.parametrize("method", ["best", "MCLA", ""])
def test_wrong_methods_are_usage_errors_with_the_names(method):
    message = f"method must be one of mcla, vote, .*, all, got {method!r}: choose one of these"
    with pytest.raises(UsageError, match=message):
        check_method(method)


@pytest.mark.parametrize("seed", [0, 2**31 - 1, np.int64(7), np.uint8(3)])
def test_seeds_within_their_range_are_taken(seed):
    check_seed(seed)


@pytest.mark.parametrize("seed", [-1, 2**31, 1.0, "1", None])
def test_wrong_seeds_are_usage_errors(seed):
    with pytest.raises(UsageError, match=f"seed must be an integer in .*2147483647, got {seed!r}"):
        check_seed(seed)


def test_options_that_are_not_given_have_their_defaults():
    assert check_options({"imbalance": 2, "revote": False}) == {
        "min_jaccard": 0.02,
        "vertex_weights": "unit",
        "revote": False,
        "imbalance": 2.0,
    }


def test_an_option_that_no_method_has_is_an_error_with_the_names():
    with pytest.raises(UsageError, match="no method has an option 'jaccard': choose from min_jac"):
        check_options({"jaccard": 0.5})


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
