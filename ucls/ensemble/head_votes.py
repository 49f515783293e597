"""The heads of a consensus as voters on any images, also on some that it was not made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ucls.ensemble.alignment import Votes, align, majority
from ucls.ensemble.head_weights import HeadWeights, as_votes
from ucls.ensemble.preparation import prepare
from ucls.types import Labels, renumber


@dataclass(frozen=True, eq=False)
class HeadVotes:
    """What each cluster of each head stands for in a consensus, and how much each head counts."""

    names: Labels
    """int32 [H, C]: the cluster of the consensus that a head's cluster is named after; -1 for
    clusters without any image of the consensus."""
    votes: Votes
    """Whole votes per head, int64 [H]; 0 for heads that the consensus left out."""

    @classmethod
    def of(
        cls,
        labels: Labels,
        consensus: Labels,
        n_clusters: int,
        *,
        weights: HeadWeights = None,
    ) -> Self:
        """Aligns heads to their consensus, as the consensus itself does for its confidence.

        Args:
            labels: of the heads, int32 [H, N]; -1 is missing. Heads may have more clusters than
                their consensus.
            consensus: of these heads, int32 [N] in -1..n_clusters-1; -1 where all heads miss.
            n_clusters: C, of the consensus.
            weights: how much each head counts.
        """
        prepared = prepare(labels)
        reference = consensus[prepared.is_labelled]
        aligned = align(prepared.labels, reference, n_clusters)
        kept = weights[prepared.heads] if isinstance(weights, np.ndarray) else weights
        n_votes = as_votes(kept, aligned, reference)
        votes = np.zeros(len(labels), dtype=np.int64)
        votes[prepared.heads] = 1 if n_votes is None else n_votes
        width = max(n_clusters, int(labels.max(initial=-1)) + 1)
        names = np.full((len(labels), width), -1, dtype=np.int32)
        for head, renamed in zip(prepared.heads, aligned, strict=True):
            original = labels[head, prepared.is_labelled]
            names[head, original[original >= 0]] = renamed[original >= 0]
        return cls(names, votes)

    def before_merging(self, mappings: Sequence[Labels]) -> Self:
        """The same votes, for the clusters that the heads had before these were merged.

        Args:
            mappings: for each head the merged cluster of each of its clusters, int32 [C']; -1 for
                clusters without any image. Heads may have had different numbers of clusters.
        """
        names = np.full((len(mappings), max(map(len, mappings))), -1, dtype=np.int32)
        for row, mapping, merged in zip(names, mappings, self.names, strict=True):
            row[: len(mapping)] = renumber(mapping, merged)
        return type(self)(names, self.votes)

    def named_after(self, labels: Labels, clusters: Labels, n_clusters: int) -> Self:
        """The same votes, each cluster of a head named after the cluster that has most of it.

        There are as many names as before, so that other images may be in other clusters of a head.

        Args:
            labels: of the heads, int32 [H, N]; -1 is missing.
            clusters: int32 [N] in -1..n_clusters-1.
            n_clusters: C.
        """
        width = self.names.shape[1]
        names = np.full((len(labels), width), -1, dtype=np.int32)
        for row, head in zip(names, labels, strict=True):
            known = (head >= 0) & (clusters >= 0)
            cells = head[known].astype(np.int64) * n_clusters + clusters[known]
            counts = np.bincount(cells, minlength=width * n_clusters)
            table = counts.reshape(-1, n_clusters)
            row[:] = np.where(table.any(axis=1), table.argmax(axis=1), -1)
        return type(self)(names, self.votes)

    def majority(self, labels: Labels, n_clusters: int) -> Labels:
        """The cluster of the consensus with the most votes, int32 [M]; -1 without any vote.

        Args:
            labels: what the heads say, int32 [H, M]; -1 is missing.
            n_clusters: C, of the consensus.
        """
        named = np.stack([renumber(*pair) for pair in zip(labels, self.names, strict=True)])
        nothing = np.full(labels.shape[1], -1, dtype=np.int32)
        return majority(named, nothing, n_clusters, votes=self.votes)

    def confidence(
        self,
        labels: Labels,
        clusters: Labels,
        *,
        stands_for: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """The share of the heads that put each image into a given cluster of the consensus.

        Heads that do not label an image are left out of its share; those that put it into a
        cluster without a name are not.

        Args:
            labels: what the heads say, int32 [H, M] in -1..C-1; -1 is missing.
            clusters: of the consensus, int32 [M] in -1..C-1; -1 is missing.
            stands_for: whether a cluster of the consensus counts as one of G others, [C, G], where
                ``clusters`` are of these; None where they are the same.

        Returns:
            float32 [M], 0..1, heads counting by their votes; 0 for images that all heads miss.
        """
        behind = np.zeros(len(clusters), dtype=np.int64)
        cast = np.zeros(len(clusters), dtype=np.int64)
        for head, names, n_votes in zip(labels, self.names, self.votes.tolist(), strict=True):
            is_known = head >= 0
            cast += n_votes * is_known
            named = names[head]
            if stands_for is None:
                agrees = named == clusters
            else:
                agrees = (named >= 0) & stands_for[named, clusters]
            behind += n_votes * (is_known & (clusters >= 0) & agrees)
        return (behind / np.maximum(cast, 1)).astype(np.float32)
