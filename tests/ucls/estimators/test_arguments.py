import re

import numpy as np
import pytest

from ucls.errors import UclsError, UsageError
from ucls.estimators.arguments import as_features, as_seed, check_n_clusters, value_errors


@pytest.mark.parametrize(
    ("n_clusters", "told"),
    [
        (None, "how many clusters? give n_clusters"),
        (0, "n_clusters must be an integer of 1 or more, got 0"),
        (2.5, "n_clusters must be an integer of 1 or more, got 2.5"),
        ("3", "n_clusters must be an integer of 1 or more, got '3'"),
        (6, "n_clusters=6 clusters were asked for of only n_samples=5"),
    ],
)
def test_a_wrong_number_of_clusters_is_told(n_clusters: object, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        check_n_clusters(n_clusters, 5)


def test_numbers_of_numpy_are_numbers() -> None:
    assert check_n_clusters(np.int64(5), 5) == 5
    assert as_seed(np.int64(7)) == as_seed(7) == 7


def test_other_random_states_draw_a_seed() -> None:
    drawn = [as_seed(np.random.RandomState(seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert 0 <= as_seed(None) < 2**31


def test_features_are_float32_and_finite() -> None:
    samples = np.arange(6.0).reshape(3, 2)
    assert as_features(samples).dtype == np.float32
    single = samples.astype(np.float32)
    assert as_features(single) is single
    with pytest.raises(ValueError, match=r"within float32 .*: divide X by a number"):
        as_features(samples * 1e300)


def test_wrong_use_is_a_value_error_and_a_failure_is_not() -> None:
    with pytest.raises(ValueError, match="what to do"), value_errors():
        raise UsageError("what to do")
    with pytest.raises(UclsError, match="it failed"), value_errors():
        raise UclsError("it failed")
