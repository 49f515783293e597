import numpy as np
import pytest

from ucls.ensemble.methods import all_options
from ucls.ensemble.options import Choice, Flag, Number, Option
from ucls.errors import UsageError

ROUNDS = Option("rounds", Number(int, 1, 9), 3, "how often.")


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("min_jaccard", 0.0, 0.0),
        ("min_jaccard", 1, 1.0),
        ("min_jaccard", np.float32(0.5), 0.5),
        ("imbalance", None, None),
        ("imbalance", 0.001, 0.001),
        ("imbalance", np.int64(1000), 1000.0),
        ("vertex_weights", "unit", "unit"),
        ("vertex_weights", "size", "size"),
        ("revote", 0, False),
        ("revote", np.bool_(True), True),
    ],
)
def test_values_are_taken_as_plain_ones(name, value, taken):
    found = all_options()[name].check(value)
    assert (found, type(found)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("min_jaccard", -0.1, "min_jaccard must be in 0..1, got -0.1: change min_jaccard"),
        ("min_jaccard", 1.1, "got 1.1"),
        ("min_jaccard", float("nan"), "got nan"),
        ("min_jaccard", "0.5", "got '0.5'"),
        ("min_jaccard", None, "min_jaccard must be in 0..1, got None"),
        ("imbalance", 0.0, "imbalance must be None or above 0 and at most 1000, got 0.0"),
        ("imbalance", float("inf"), "got inf"),
        ("imbalance", float("nan"), "got nan"),
        ("vertex_weights", "sizes", "must be one of unit, size, got 'sizes': choose one of these"),
    ],
)
def test_wrong_values_are_usage_errors_of_one_line(name, value, message):
    with pytest.raises(UsageError) as caught:
        all_options()[name].check(value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0, 10, 2.0, "3", None])
def test_whole_numbers(value):
    assert ROUNDS.check(np.uint8(9)) == 9
    with pytest.raises(UsageError, match=r"rounds must be an integer in 1\.\.9, got"):
        ROUNDS.check(value)


def test_numbers_without_bounds():
    assert Number(float).take(-1e300) == -1e300
    assert Number(float).take(float("nan")) is None


def test_what_is_expected():
    assert Choice(("a", "b")).expected == "one of a, b"
    assert Flag().expected == "true or false"
    assert Number(int, 0, 5, open_below=True).expected == "an integer above 0 and at most 5"
