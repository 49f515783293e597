"""Checks of what :func:`ucls.ensemble.consensus` is given besides the labels."""

from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from ucls.ensemble.mcla import VertexWeights
from ucls.ensemble.methods import METHOD_NAMES
from ucls.errors import UsageError

WEIGHTINGS = ("equal", "agreement")
CHOICES = "equal, agreement or one number per head"


def check_choices(*, method: str, vertex_weights: str) -> None:
    """Checks what is chosen by name.

    Raises:
        UsageError: with the names there are.
    """
    for name, value, choices in (
        ("method", method, METHOD_NAMES),
        ("vertex_weights", vertex_weights, get_args(VertexWeights)),
    ):
        if value not in choices:
            raise UsageError(
                f"{name} must be one of {', '.join(choices)}, got {value!r}: choose one of these"
            )


def check_numbers(*, seed: int, min_jaccard: float, imbalance: float | None) -> None:
    """Checks the ranges of numbers.

    Raises:
        UsageError: with what was expected.
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31:
        raise UsageError(f"seed must be an integer in 0..2147483647, got {seed!r}: change seed")
    if not 0.0 <= min_jaccard <= 1.0:
        raise UsageError(f"min_jaccard must be in 0..1, got {min_jaccard}: change min_jaccard")
    if imbalance is not None and not 0.0 < imbalance < np.inf:
        raise UsageError(f"imbalance must be above 0, got {imbalance}: change imbalance")


def check_n_clusters(n_clusters: int, n_images: int) -> None:
    """Checks the number of clusters against the images that have labels.

    Raises:
        UsageError: if it is no integer, or out of range.
    """
    if not isinstance(n_clusters, int | np.integer):
        raise UsageError(f"n_clusters must be an integer, got {n_clusters!r}: give a whole number")
    if not 2 <= n_clusters <= n_images:
        raise UsageError(
            f"n_clusters must be between 2 and the number of images with a label, {n_images}, "
            f"got {n_clusters}: change n_clusters"
        )


def check_weights(weights: Any, n_heads: int) -> "str | npt.NDArray[np.float64]":
    """Returns ``equal``, ``agreement`` or the weights as an array.

    Raises:
        UsageError: if they are neither, or not positive, or not one per head.
    """
    if isinstance(weights, str):
        if weights not in WEIGHTINGS:
            raise UsageError(f"weights must be {CHOICES}, got {weights!r}")
        return weights
    try:
        values = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"weights must be {CHOICES}, got {weights!r}") from error
    if values.shape != (n_heads,) or not (np.isfinite(values) & (values > 0)).all():
        raise UsageError(
            f"weights must be {n_heads} positive numbers, one per head, got {_shown(values)}: "
            "leave heads out of the labels instead of giving them no weight"
        )
    return values


def _shown(values: npt.NDArray[np.float64]) -> str:
    wrong = values[~(np.isfinite(values) & (values > 0))]
    return f"shape {values.shape}" if not wrong.size else f"{wrong[0]:g} among them"
