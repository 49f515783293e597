"""Clusterers of scikit-learn that others are built on: copied, seeded, fitted.

Shapes: N samples, D features.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from ucls.types import Labels

NOISE = -1


class Fitted(NamedTuple):
    """A clusterer and what it found."""

    clusterer: Any
    labels: Labels
    """int32 [N], numbered from 0 by rising number of its own; -1 is noise."""
    numbers: npt.NDArray[np.int64]
    """The clusterer's own number of each cluster, int64, rising."""


def fit_base(
    clusterer: Any, samples: npt.NDArray[np.floating], *, seed: int, given: dict[str, Any]
) -> Fitted:
    """Fits a copy of a clusterer.

    Args:
        clusterer: with ``fit_predict``; every ``random_state`` in it is set.
        samples: [N, D].
        seed: what it is set to.
        given: further arguments of ``fit_predict``.

    Raises:
        ValueError: if it is no clusterer.
    """
    if not hasattr(clusterer, "fit_predict"):
        raise ValueError(
            f"expected a clusterer with fit_predict, got {clusterer!r}: give one such as "
            "sklearn.cluster.KMeans(n_clusters=20)"
        )
    copy = clone(clusterer)
    seeded = {name: seed for name in copy.get_params() if name.endswith("random_state")}
    own = np.asarray(copy.set_params(**seeded).fit_predict(samples, **given)).astype(np.int64)
    numbers = np.unique(own[own > NOISE])
    return Fitted(copy, renumbered(own, numbers), numbers)


def renumbered(own: npt.NDArray[np.integer[Any]], numbers: npt.NDArray[np.int64]) -> Labels:
    """The place of each label in ``numbers``, int32; -1 for noise and what is not among them."""
    places = np.searchsorted(numbers, own).clip(max=max(len(numbers) - 1, 0))
    is_known = numbers[places] == own if len(numbers) else np.zeros(len(own), bool)
    return np.where(is_known, places, NOISE).astype(np.int32)
