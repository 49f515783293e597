"""What is known of some samples, as arrays; errors are scikit-learn's ``ValueError``.

Shapes: N samples, L labels, P pairs.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.constraints.groups import Constraints, Pairs, close
from ucls.estimators.arguments import value_errors
from ucls.types import Labels

UNKNOWN = -1


class Known(NamedTuple):
    """What is known of N samples."""

    constraints: Constraints
    names: list[int]
    """The L labels as they were given, rising."""

    def clusters(self, of_labels: Labels) -> dict[int, int]:
        """The cluster of each label as it was given, from those in order, int32 [L]."""
        return dict(zip(self.names, of_labels.tolist(), strict=True))


def check_known(
    known_labels: npt.ArrayLike | None,
    must_link: npt.ArrayLike | None,
    cannot_link: npt.ArrayLike | None,
    *,
    n_samples: int,
) -> Known | None:
    """Groups samples by what is known of them; None where nothing is.

    Args:
        known_labels: integers [N]; -1 where none is known.
        must_link: rows of samples that belong together, integers [P, 2].
        cannot_link: those that belong apart, integers [P, 2].
        n_samples: N.

    Raises:
        ValueError: if these are no such arrays, or contradict one another.
    """
    labels = _labels(known_labels, n_samples)
    must, cannot = (
        _pairs("must_link", must_link, n_samples),
        _pairs("cannot_link", cannot_link, n_samples),
    )
    names = np.unique(labels[labels != UNKNOWN])
    if not len(names) and not len(must) and not len(cannot):
        return None
    places = np.where(labels == UNKNOWN, UNKNOWN, np.searchsorted(names, labels))
    with value_errors():
        constraints = close(
            places.astype(np.int32), must, cannot, n_labels=len(names), name_of="sample {}".format
        )
    return Known(constraints, names.tolist())


def check_room(known: Known | None, n_clusters: int) -> None:
    """Checks that each label can have a cluster of its own.

    Raises:
        ValueError: if there are fewer clusters.
    """
    if known is not None and len(known.names) > n_clusters:
        raise ValueError(
            f"known_labels has {len(known.names)} labels, but n_clusters={n_clusters} clusters are "
            f"wanted: choose n_clusters={len(known.names)} or more"
        )


def _labels(given: npt.ArrayLike | None, n_samples: int) -> npt.NDArray[np.int64]:
    if given is None:
        return np.full(n_samples, UNKNOWN)
    labels = _integers("known_labels", given)
    if labels.shape != (n_samples,):
        raise ValueError(
            f"known_labels must have one label for each of the {n_samples} samples, -1 where none "
            f"is known, got the shape {labels.shape}"
        )
    if labels.min() < UNKNOWN:
        raise ValueError(
            f"known_labels must be -1 (not known) or labels from 0, got {labels.min()}: number them"
        )
    return labels


def _pairs(name: str, given: npt.ArrayLike | None, n_samples: int) -> Pairs:
    if given is None or not np.size(np.asarray(given)):
        return np.empty((0, 2), np.int64)
    pairs = _integers(name, given)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"{name} must be pairs of rows [P, 2], got the shape {pairs.shape}")
    if pairs.min() < 0 or pairs.max() >= n_samples:
        raise ValueError(f"{name} must be rows in 0..{n_samples - 1}, got {_outside(pairs)}")
    return pairs


def _outside(pairs: Pairs) -> int:
    return int(pairs.min() if pairs.min() < 0 else pairs.max())


def _integers(name: str, given: npt.ArrayLike) -> npt.NDArray[np.int64]:
    values: npt.NDArray[Any] = np.asarray(given)
    if values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {values.dtype}: number them from 0")
    return values.astype(np.int64)
