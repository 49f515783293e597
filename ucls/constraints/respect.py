"""A consensus of heads that respects what is known of some images.

Shapes: N images, H heads, C clusters of the consensus, C' of a head.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.constraints.groups import Constraints
from ucls.constraints.placing import place
from ucls.constraints.walks import Shares, hear, steps_of
from ucls.ensemble.label_matrix import compact
from ucls.ensemble.mutual_information import average_nmi
from ucls.ensemble.results import Consensus, empty_note
from ucls.types import Labels, NeighborGraph
from ucls.wording import count

TRUST = 5.0
"""Known images that have to speak against what a cluster was taken for until it is half believed;
the same for a small cluster of a head."""
CELLS_AT_ONCE = 2**26


class Respected(NamedTuple):
    """What became of a consensus."""

    consensus: Consensus
    """Its ``confidence`` is the share of the random walks that say so; 1 for known images. An image
    that all heads miss has a label where anything known is near."""
    n_unmet: int
    """Pairs of groups that belong apart, but are in one cluster."""

    def unmet_text(self) -> str:
        """Tells how many these are, and why."""
        return unmet_text(self.n_unmet, len(self.consensus.cluster_sizes))


def unmet_text(n_unmet: int, n_clusters: int) -> str:
    """Tells how many pairs that belong apart are in one cluster, and why."""
    return (
        f"ensemble: {count(n_unmet, 'pair')} that cannot be in one cluster are, as too many belong "
        f"apart from one another for {count(n_clusters, 'cluster')}"
    )


def respect(
    constraints: Constraints,
    found: Consensus,
    graph: NeighborGraph,
    *,
    by_head: Labels,
    voted: Labels,
) -> Respected:
    """Puts images that are known where they belong, and the others where these and the heads say.

    Each group is placed by what random walks from its images hear of the consensus. Then clusters,
    and the small clusters of the heads, are taken for what their known images are in, as far as
    there are enough of them: so they are joined and divided. At last every image hears what is
    known around it, and else what its small clusters were taken for.

    Args:
        constraints: of the N images, with at most C labels.
        found: the consensus.
        graph: of the N images.
        by_head: its heads as trained, int32 [H, N]; -1 is missing.
        voted: the same as they were combined, which ANMI is about.
    """
    n_clusters, steps = len(found.cluster_sizes), steps_of(graph)
    known = np.flatnonzero(constraints.group_of >= 0)
    groups, fixed = constraints.group_of[known], np.full(len(found.labels), -1, dtype=np.int32)
    tables = [_shares_of_consensus(head, found.labels, n_clusters) for head in by_head]
    evidence = np.zeros((constraints.n_groups, n_clusters), np.float32)
    for columns, told in _hear_all(steps, tables, by_head, fixed):
        np.add.at(evidence[:, columns], groups, told[known])
    placed = place(constraints, evidence)
    fixed[known] = placed.clusters[groups]
    share = _share_known(found.labels, fixed)
    believed = _believed(found.labels, fixed, np.eye(n_clusters, dtype=np.float32), share)
    tables = [
        _believed(head, fixed, table @ believed, share)
        for head, table in zip(by_head, tables, strict=True)
    ]
    labels, confidence = np.full_like(fixed, -1), np.zeros(len(fixed), np.float32)
    for columns, told in _hear_all(steps, tables, by_head, fixed):
        best = told.max(axis=1)
        is_better = best > confidence
        labels[is_better] = columns.start + told[is_better].argmax(axis=1)
        confidence[is_better] = best[is_better]
    return Respected(_changed(found, labels, confidence, voted), placed.n_unmet)


def _changed(found: Consensus, labels: Labels, confidence: Shares, voted: Labels) -> Consensus:
    """A consensus with other labels."""
    sizes = np.bincount(labels[labels >= 0], minlength=len(found.cluster_sizes))
    notes = tuple(note for note in found.notes if note != empty_note(found.cluster_sizes))
    return replace(
        found,
        labels=labels,
        confidence=np.minimum(confidence, np.float32(1.0)),
        anmi=average_nmi(np.stack([compact(head) for head in voted]), labels),
        occupied_clusters=int(np.count_nonzero(sizes)),
        cluster_sizes=sizes,
        notes=notes if sizes.all() else (*notes, empty_note(sizes)),
    )


def _hear_all(
    steps: Any, tables: list[Shares], by_head: Labels, fixed: Labels
) -> Iterator[tuple[slice, Shares]]:
    """What each image hears, some clusters at a time: their columns, and [N, c]."""
    n_images, n_clusters = by_head.shape[1], tables[0].shape[1]
    width = max(1, CELLS_AT_ONCE // n_images)
    is_known = fixed >= 0
    n_heads = np.maximum((by_head >= 0).sum(axis=0), 1).astype(np.float32)
    for start in range(0, n_clusters, width):
        columns = slice(start, min(start + width, n_clusters))
        votes = np.zeros((n_images, columns.stop - start), np.float32)
        for head, table in zip(by_head, tables, strict=True):
            votes += np.where((head >= 0)[:, None], table[head, columns], np.float32(0.0))
        votes /= n_heads[:, None]
        votes[is_known] = fixed[is_known, None] == np.arange(start, columns.stop)
        yield columns, hear(steps, votes, is_known)


def _shares_of_consensus(head: Labels, consensus: Labels, n_clusters: int) -> Shares:
    """The share of each cluster of the consensus in those of a head, [C', C]."""
    counts = _count(head, consensus, int(head.max(initial=0)) + 1, n_clusters)
    shares: Shares = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)).astype(
        np.float32
    )
    return shares


def _share_known(consensus: Labels, fixed: Labels) -> float:
    """The share of the images that are known, in clusters in which some belong."""
    heard_of = np.isin(consensus, np.unique(fixed[fixed >= 0]))
    return float((fixed[heard_of] >= 0).mean()) if heard_of.any() else 0.0


def _believed(labels: Labels, fixed: Labels, before: Shares, share: float) -> Shares:
    """What clusters are taken for, once some of their images are known, [C', C].

    Where fewer are known than elsewhere, those that are missing count for what it was taken for:
    of a class without a label only strays are known.

    Args:
        labels: the clusters, int32 [N].
        fixed: where images belong, int32 [N]; -1 is not known.
        before: what they were taken for without these, [C', C].
        share: of a cluster's images that are known elsewhere.
    """
    counts = _count(labels, fixed, *before.shape)
    sizes = np.bincount(labels[labels >= 0], minlength=len(before))
    known = counts.sum(axis=1)
    trust = (TRUST + np.maximum(share * sizes - known, 0.0))[:, None]
    believed: Shares = ((counts + trust * before) / (known[:, None] + trust)).astype(np.float32)
    return believed


def _count(first: Labels, second: Labels, n_first: int, n_second: int) -> npt.NDArray[np.float64]:
    """Images in each two clusters, [n_first, n_second]; those that are missing in one left out."""
    both = (first >= 0) & (second >= 0)
    cells = first[both].astype(np.int64) * n_second + second[both]
    counts = np.bincount(cells, minlength=n_first * n_second)
    return counts.reshape(n_first, n_second).astype(np.float64)
