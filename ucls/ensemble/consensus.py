"""One clustering out of many: the entry to all consensus methods."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.ensemble.alignment import align
from ucls.ensemble.contingency import cluster_sizes
from ucls.ensemble.label_matrix import (
    IntArray,
    Labels,
    check_label_matrix,
    compact,
    count_clusters,
    number_by_first_image,
)
from ucls.ensemble.mcla import mcla
from ucls.ensemble.mutual_information import average_nmi
from ucls.ensemble.vote import vote
from ucls.errors import UsageError
from ucls.progress import Advance, ignore_progress


class Options(NamedTuple):
    """What methods may use; see :func:`consensus`."""

    seed: int
    min_jaccard: float
    revote: bool
    advance: Advance


METHODS: dict[str, Callable[[Labels, int, Options], Labels]] = {
    "mcla": lambda labels, n_clusters, options: mcla(labels, n_clusters, **options._asdict()),
    "vote": lambda labels, n_clusters, options: vote(labels, n_clusters, advance=options.advance),
}


@dataclass(frozen=True, eq=False)
class Consensus:
    """A consensus clustering and its figures."""

    labels: Labels
    """int32 [N] in 0..n_clusters-1; -1 for images that all heads miss."""
    confidence: npt.NDArray[np.float32]
    """Share of the heads that agree with the label, among those that label the image, after
    alignment by the Hungarian method; float32 [N], 0..1. 0 for images that all heads miss."""
    method: str
    anmi: float
    """Mean NMI to the heads, normalised by the geometric mean (Strehl & Ghosh, eq. 4)."""
    seconds: float
    occupied_clusters: int
    cluster_sizes: npt.NDArray[np.int64]
    """Images per cluster, int64 [n_clusters]."""
    notes: tuple[str, ...]
    """What a caller should tell: heads left out, images missing, empty clusters."""


def consensus(
    labels: npt.ArrayLike,
    n_clusters: int,
    *,
    method: str = "mcla",
    seed: int = 0,
    min_jaccard: float = 0.02,
    revote: bool = True,
    advance: Advance = ignore_progress,
) -> Consensus:
    """Combines clusterings of the same images into one (thesis 5.1.2; Strehl & Ghosh, 2002).

    How a head numbers its clusters does not matter. Heads that say nothing, because all their
    labels are missing or equal, are left out and noted. What is left with one head, or with
    heads that are all equal, is returned as it is, renumbered to 0..k-1, and noted. Images
    that all heads miss get label -1 and confidence 0, and are noted.

    Args:
        labels: integers [H, N], one head per row; -1 is missing. Heads may have different
            numbers of clusters.
        n_clusters: clusters of the consensus, 2..N. Some may end up empty, which is noted.
        method: ``mcla`` or ``vote``.
        seed: 0..2^31-1; the same seed gives the same labels.
        min_jaccard: MCLA: clusters that overlap less are not linked; 0..1.
        revote: MCLA: align all heads to the consensus and vote again until nothing changes.
        advance: told of each pair of heads that is compared, H (H - 1) / 2 in all.

    Returns:
        The labels with their figures, which count only the heads that were not left out.

    Raises:
        UsageError: a wrong argument, or heads that the method cannot combine.
    """
    started = perf_counter()
    matrix = check_label_matrix(labels)
    _check_options(n_clusters, matrix.shape[1], method=method)
    _check_ranges(seed=seed, min_jaccard=min_jaccard)
    heads, notes = _select_heads(matrix)
    numbered = np.stack([number_by_first_image(head) for head in heads])
    if (numbered == numbered[0]).all() and count_clusters(heads[0]) <= n_clusters:
        combined = heads[0]
        notes.append(f"{_all_equal(len(heads))}: returned as it is")
    elif len(heads) == 1:
        raise UsageError(
            f"the only head has {count_clusters(heads[0])} clusters, more than "
            f"n_clusters={n_clusters}: raise n_clusters or give more heads"
        )
    else:
        options = Options(int(seed), float(min_jaccard), bool(revote), advance)
        combined = METHODS[method](numbered, int(n_clusters), options)
    return _describe(combined, numbered, int(n_clusters), method=method, notes=notes, since=started)


def _all_equal(n_heads: int) -> str:
    """Says why there is nothing to combine."""
    return "only one head" if n_heads == 1 else f"all {n_heads} heads are equal"


def _check_options(n_clusters: int, n_images: int, *, method: str) -> None:
    """Checks what has to be chosen."""
    if method not in METHODS:
        raise UsageError(
            f"method must be one of {', '.join(METHODS)}, got {method!r}: choose one of these"
        )
    if not isinstance(n_clusters, int | np.integer):
        raise UsageError(f"n_clusters must be an integer, got {n_clusters!r}: give a whole number")
    if not 2 <= n_clusters <= n_images:
        raise UsageError(
            f"n_clusters must be between 2 and the number of images, {n_images}, "
            f"got {n_clusters}: change n_clusters"
        )


def _check_ranges(*, seed: int, min_jaccard: float) -> None:
    """Checks what has a default."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31:
        raise UsageError(f"seed must be an integer in 0..2147483647, got {seed!r}: change seed")
    if not 0.0 <= min_jaccard <= 1.0:
        raise UsageError(f"min_jaccard must be in 0..1, got {min_jaccard}: change min_jaccard")


def _select_heads(matrix: IntArray) -> tuple[list[Labels], list[str]]:
    """Compacts the heads and leaves out those that say nothing.

    Heads of one cluster stay where there are no others.
    """
    heads = {number: compact(head) for number, head in enumerate(matrix)}
    n_found = {number: count_clusters(head) for number, head in heads.items()}
    fewest = 2 if max(n_found.values()) > 1 else 1
    notes = [
        f"head {number} has {'no labels' if n_found[number] == 0 else 'only one cluster'}: left out"
        for number in heads
        if n_found[number] < fewest
    ]
    return [head for number, head in heads.items() if n_found[number] >= fewest], notes


def _describe(
    labels: Labels,
    heads: Labels,
    n_clusters: int,
    *,
    method: str,
    notes: list[str],
    since: float,
) -> Consensus:
    """Adds the figures."""
    n_voters = (heads >= 0).sum(axis=0)
    agreeing = (align(heads, labels, n_clusters) == labels).sum(axis=0, where=heads >= 0)
    sizes = np.zeros(n_clusters, dtype=np.int64)
    found = cluster_sizes(labels)
    sizes[: len(found)] = found
    occupied = np.count_nonzero(sizes)
    n_missing = np.count_nonzero(n_voters == 0)
    if n_missing:
        notes.append(
            f"{n_missing} of {len(labels)} images are missing in all heads: label -1, confidence 0"
        )
    if occupied < n_clusters:
        notes.append(f"{n_clusters - occupied} of {n_clusters} clusters are empty")
    return Consensus(
        labels=labels,
        confidence=(agreeing / np.maximum(n_voters, 1)).astype(np.float32),
        method=method,
        anmi=average_nmi(heads, labels),
        seconds=perf_counter() - since,
        occupied_clusters=int(occupied),
        cluster_sizes=sizes,
        notes=tuple(notes),
    )
