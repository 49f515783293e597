"""One clustering out of many: the entry to all consensus methods."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ucls.ensemble.alignment import agreement, align
from ucls.ensemble.arguments import (
    check_method,
    check_n_clusters,
    check_options,
    check_seed,
    check_weights,
    weights_of,
)
from ucls.ensemble.comparison import compare
from ucls.ensemble.head_weights import HeadWeights, as_votes
from ucls.ensemble.label_matrix import check_label_matrix, count_clusters
from ucls.ensemble.methods import ALL, METHODS, n_steps
from ucls.ensemble.mutual_information import average_nmi
from ucls.ensemble.preparation import Prepared, prepare
from ucls.ensemble.refill import refill
from ucls.ensemble.results import Consensus, empty_note
from ucls.ensemble.steps import Steps
from ucls.errors import UsageError
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels


def consensus(
    labels: npt.ArrayLike,
    n_clusters: int,
    *,
    method: str = "mcla",
    seed: int = 0,
    weights: str | npt.ArrayLike = "equal",
    keep_k: bool = False,
    numbered_alike: bool = False,
    advance: Advance = ignore_progress,
    **options: Any,
) -> Consensus:
    """Combines clusterings of the same images into one (thesis 5.1.2; Strehl & Ghosh, 2002).

    How a head numbers its clusters does not matter. Heads that say nothing, because all their
    labels are missing or equal, are left out and noted. What is left with one head, or with
    heads that are all equal, is returned as it is, renumbered to 0..k-1, and noted. Images
    that all heads miss get label -1 and confidence 0, and are noted.

    Args:
        labels: integers [H, N], one head per row; -1 is missing. Heads may have different
            numbers of clusters.
        n_clusters: clusters of the consensus, from 2 to the number of images with a label. Some
            may end up empty, which is noted.
        method: one of :data:`ucls.ensemble.methods.METHODS`; or ``all``, which runs those of them
            that fit into memory and a few minutes and keeps the highest ANMI.
        seed: 0..2^31-1; the same seed gives the same labels, on any number of threads.
        weights: how much each head counts in ``vote``, in MCLA's second vote and in the
            confidence: ``equal``, ``agreement`` (log-odds of agreeing with the consensus), or a
            positive number for each head, [H].
        keep_k: give each empty cluster the half of the largest one that is least sure.
        numbered_alike: whether a number means the same cluster in every head, as in heads that were
            merged together; ``mcla`` then need not group them. Numbers must be below n_clusters.
        advance: told of each step; :func:`ucls.ensemble.methods.n_steps` says how many.
        **options: those of the method, as its own function describes them, such as
            ``min_jaccard`` of :func:`ucls.ensemble.mcla.mcla`; those of other methods are ignored.

    Returns:
        The labels with their figures, which count only the heads that were not left out.

    Raises:
        UsageError: a wrong argument, heads that the method cannot combine, or a method that would
            need more memory than there is.
        UclsError: a method whose package is missing.

    Example:
        >>> from ucls.ensemble import consensus
        >>> heads = [[0, 0, 0, 1, 1, 1], [2, 2, 2, 0, 0, 0], [1, 1, 0, 0, 0, -1]]
        >>> found = consensus(heads, n_clusters=2)
        >>> found.labels
        array([1, 1, 1, 0, 0, 0], dtype=int32)
        >>> found.confidence.round(2)
        array([1.  , 1.  , 0.67, 1.  , 1.  , 1.  ], dtype=float32)
    """
    matrix = check_label_matrix(labels)
    check_method(method)
    check_seed(seed)
    given = check_options(options)
    weighting = check_weights(weights, len(matrix))
    prepared = prepare(matrix)
    check_n_clusters(n_clusters, prepared.labels.shape[1])
    if numbered_alike and matrix.max() >= n_clusters:
        raise UsageError(
            f"heads that are numbered alike must have numbers below n_clusters={n_clusters}, got "
            f"{matrix.max()}: raise n_clusters or leave out numbered_alike"
        )
    _check_single_head(prepared.labels, int(n_clusters))
    steps = Steps(advance, n_steps(method, len(matrix)))
    given |= {
        "seed": int(seed),
        "weights": weights_of(weighting, prepared.heads),
        "numbers": prepared.original_numbers(matrix) if numbered_alike else None,
        "advance": steps,
    }
    combine = partial(_combine, prepared, int(n_clusters), given=given, keep_k=keep_k)
    _import_scipy()
    try:
        if method == ALL:
            return compare(combine, prepared.labels, int(n_clusters), advance=steps)
        return combine(method)
    finally:
        steps.finish()


def _import_scipy() -> None:
    """Imports what most methods need, so that it does not count as time of the first."""
    import_module("scipy.optimize")
    import_module("scipy.sparse")


def _check_single_head(heads: Labels, n_clusters: int) -> None:
    """Refuses a single head that cannot be returned as it is."""
    if len(heads) == 1 and count_clusters(heads[0]) > n_clusters:
        raise UsageError(
            f"the only head has {count_clusters(heads[0])} clusters, more than "
            f"n_clusters={n_clusters}: raise n_clusters or give more heads"
        )


def _combine(
    prepared: Prepared, n_clusters: int, method: str, *, given: Mapping[str, Any], keep_k: bool
) -> Consensus:
    """The consensus by one method."""
    started = perf_counter()
    heads = prepared.labels
    notes = list(prepared.notes)
    if (heads == heads[0]).all() and count_clusters(heads[0]) <= n_clusters:
        labels = prepared.first_head
        notes.append(f"{_all_equal(len(heads))}: returned as it is")
    else:
        labels = METHODS[method].combine(heads, n_clusters, given)
    confidence = _confidence(heads, labels, n_clusters, given["weights"])
    sizes = np.bincount(labels, minlength=n_clusters)
    if (n_empty := np.count_nonzero(sizes == 0)) and keep_k:
        labels = refill(labels, confidence, n_clusters)
        confidence = _confidence(heads, labels, n_clusters, given["weights"])
        sizes = np.bincount(labels, minlength=n_clusters)
        notes.append(f"{n_empty} of {n_clusters} clusters were empty and are refilled")
    elif n_empty:
        notes.append(empty_note(sizes))
    return Consensus(
        labels=prepared.restore(labels, missing=-1),
        confidence=prepared.restore(confidence, missing=0),
        method=method,
        anmi=average_nmi(heads, labels),
        seconds=perf_counter() - started,
        occupied_clusters=int(np.count_nonzero(sizes)),
        cluster_sizes=sizes,
        notes=tuple(notes),
    )


def _all_equal(n_heads: int) -> str:
    """Says why there is nothing to combine."""
    return "only one head" if n_heads == 1 else f"all {n_heads} heads are equal"


def _confidence(
    heads: Labels, labels: Labels, n_clusters: int, weights: HeadWeights
) -> npt.NDArray[np.float32]:
    """The share of the heads behind each label."""
    aligned = align(heads, labels, n_clusters)
    return agreement(aligned, labels, votes=as_votes(weights, aligned, labels))
