"""Checks of what :func:`ucls.ensemble.consensus` is given besides the labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ucls.ensemble.head_weights import HeadWeights
from ucls.ensemble.methods import all_options, method_names
from ucls.errors import UsageError
from ucls.types import Labels

WEIGHTINGS = ("equal", "agreement")
CHOICES = "equal, agreement or one number per head"


def check_method(method: str) -> None:
    """Checks the name of a method.

    Raises:
        UsageError: with the names there are.
    """
    if method not in method_names():
        raise UsageError(
            f"method must be one of {', '.join(method_names())}, got {method!r}: "
            "choose one of these"
        )


def check_seed(seed: Any) -> None:
    """Checks the seed.

    Raises:
        UsageError: if it is no integer, or out of range.
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31:
        raise UsageError(f"seed must be an integer in 0..2147483647, got {seed!r}: change seed")


def check_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of all methods, those that are not given with their defaults.

    Raises:
        UsageError: if no method has such an option, or not with this value.
    """
    options = all_options()
    for name in given:
        if name not in options:
            raise UsageError(f"no method has an option {name!r}: choose from {', '.join(options)}")
    return {name: option.check(given.get(name, option.default)) for name, option in options.items()}


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


def weights_of(weighting: str | npt.NDArray[np.float64], heads: list[int]) -> HeadWeights:
    """The weights of some of the heads, from what :func:`check_weights` returns."""
    if isinstance(weighting, str):
        return "agreement" if weighting == "agreement" else None
    return weighting[heads]


def check_clustering(clustering: npt.ArrayLike, n_images: int, n_clusters: int) -> Labels:
    """Returns a clustering as int32 [N].

    Raises:
        UsageError: if it is not one label in -1..n_clusters-1 for each image.
    """
    labels = np.asarray(clustering)
    if labels.shape != (n_images,) or not np.issubdtype(labels.dtype, np.integer):
        raise UsageError(
            f"clustering must be {n_images} integers, one for each image, got {labels.dtype} of "
            f"shape {labels.shape}: give the labels of a consensus of these heads"
        )
    if not -1 <= labels.min() <= labels.max() < n_clusters:
        raise UsageError(
            f"clustering must be in -1..{n_clusters - 1}, got {labels.min()} to {labels.max()}: "
            "change n_clusters"
        )
    return labels.astype(np.int32)


def _shown(values: npt.NDArray[np.float64]) -> str:
    wrong = values[~(np.isfinite(values) & (values > 0))]
    return f"shape {values.shape}" if not wrong.size else f"{wrong[0]:g} among them"
