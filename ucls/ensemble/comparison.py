"""All methods on the same heads, side by side."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ucls.ensemble.alignment import share_in_common
from ucls.ensemble.methods import METHODS
from ucls.ensemble.results import Comparison, Consensus
from ucls.errors import UclsError
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels

Combine = Callable[[str], Consensus]


def compare(
    combine: Combine, labels: Labels, n_clusters: int, *, advance: Advance = ignore_progress
) -> Consensus:
    """Runs every method that can be run, and keeps the consensus with the highest ANMI.

    Args:
        combine: makes the consensus of a method.
        labels: the heads, int32 [H, N].
        n_clusters: clusters of the consensus.
        advance: told of the steps of methods that are not tried; ``combine`` tells of its own.

    Returns:
        The kept consensus; its ``comparison`` has them all.

    Raises:
        UclsError: if no method could be run.
    """
    results: dict[str, Consensus] = {}
    left_out: dict[str, str] = {}
    for name, method in METHODS.items():
        if method.work(labels, n_clusters) > method.largest:
            left_out[name] = _too_much_work(name, labels, n_clusters)
            advance(method.n_steps(len(labels)))
            continue
        try:
            results[name] = combine(name)
        except UclsError as error:
            left_out[name] = str(error)
    if not results:
        raise UclsError("no method could combine the heads: " + "; ".join(left_out.values()))
    kept = results[highest({name: result.anmi for name, result in results.items()})]
    comparison = Comparison(results, agreement_of_methods(results, n_clusters), left_out)
    notes = [f"{reason}; left out of 'all'" for reason in left_out.values()]
    return replace(kept, comparison=comparison, notes=(*kept.notes, *notes))


def highest(anmi: Mapping[str, float]) -> str:
    """The name with the highest ANMI, the first of equals."""
    # Equal partitions that are numbered otherwise differ in the last digit.
    return max(anmi, key=lambda name: round(anmi[name], 12))


def agreement_of_methods(results: dict[str, Consensus], n_clusters: int) -> npt.NDArray[np.float64]:
    """The share of images that each two consensuses treat alike, symmetric [M, M]."""
    labelings = [result.labels for result in results.values()]
    shares = np.eye(len(labelings))
    for i, first in enumerate(labelings):
        for j, second in enumerate(labelings[:i]):
            shares[i, j] = shares[j, i] = share_in_common(first, second, n_clusters)
    return shares


def _too_much_work(name: str, labels: Labels, n_clusters: int) -> str:
    """Says what would take much longer than all the others."""
    n_heads, n_images = labels.shape
    return (
        f"{name} would take very long for {n_heads} heads, {n_images:,} images and "
        f"{n_clusters:,} clusters: run it alone with method {name}"
    )
