"""What the estimators are given, checked; errors are scikit-learn's ``ValueError``."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from ucls.errors import UsageError
from ucls.progress import SilentReporter

RandomState: TypeAlias = "int | np.random.RandomState | None"
FLOATS = [np.float64, np.float32]
"""What samples may be; integers become the first."""
LARGEST_SEED = 2**31 - 1


class WarningReporter(SilentReporter):
    """Warns as scikit-learn does, and keeps everything else to itself."""

    def warn(self, message: str, /) -> None:
        """Warns of a result that may not be what was hoped for."""
        warnings.warn(message, ConvergenceWarning, stacklevel=2)


@contextmanager
def value_errors() -> Iterator[None]:
    """Turns what the library says of wrong use into a ``ValueError`` with the same text."""
    try:
        yield
    except UsageError as error:
        raise ValueError(str(error)) from None


def check_n_clusters(n_clusters: Any, n_samples: int) -> int:
    """Checks the number of clusters against the number of samples.

    Raises:
        ValueError: if it is missing, no integer, below 1 or above the number of samples.
    """
    if n_clusters is None:
        raise ValueError("how many clusters? give n_clusters, such as n_clusters=10")
    if not isinstance(n_clusters, int | np.integer) or n_clusters < 1:
        raise ValueError(f"n_clusters must be an integer of 1 or more, got {n_clusters!r}")
    if n_clusters > n_samples:
        raise ValueError(
            f"n_clusters={n_clusters} clusters were asked for of only n_samples={n_samples}: "
            "choose a smaller n_clusters or give more samples"
        )
    return int(n_clusters)


def as_seed(random_state: RandomState) -> int:
    """The seed: an integer as it is, otherwise one that is drawn."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(LARGEST_SEED))


def as_features(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Samples [N, D] in the precision that UCLS computes in; a copy only where that is another.

    Raises:
        ValueError: if a value is beyond that.
    """
    with np.errstate(over="ignore"):
        features = np.require(samples, np.float32, "C")
    if not np.isfinite(features).all():
        raise ValueError(
            "expected values within float32 (up to 3.4e38), got larger ones: divide X by a number"
        )
    return features
