"""Heads aligned to one clustering by the Hungarian method, and their votes."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ucls.ensemble.contingency import count_overlaps
from ucls.ensemble.head_weights import HeadWeights, as_votes
from ucls.ensemble.label_matrix import count_clusters
from ucls.types import Labels

Votes: TypeAlias = npt.NDArray[np.int64]

# Vote counts held at a time: small enough for a processor's cache.
VOTES_PER_CHUNK = 2**18


def align(labels: Labels, reference: Labels, n_clusters: int) -> Labels:
    """Renames the clusters of every head after the clusters of a reference.

    Each head gets the one-to-one mapping with the largest overlap (Hungarian method). A head
    with more than ``n_clusters`` clusters sends each surplus cluster to the reference cluster
    it overlaps most; one with fewer leaves some reference clusters without a partner.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing and stays -1.
        reference: int32 [N] in -1..n_clusters-1.
        n_clusters: clusters of the reference, the empty ones included.

    Returns:
        int32 [H, N] in -1..n_clusters-1.
    """
    aligned = np.empty_like(labels)
    for head, renamed in zip(labels, aligned, strict=True):
        renamed[:] = _match(head, reference, n_clusters)[head + 1]
    return aligned


def _match(head: Labels, reference: Labels, n_clusters: int) -> Labels:
    """Maps label + 1 of a head to the reference's label, int32 [k + 1]; missing to -1."""
    from scipy.optimize import linear_sum_assignment

    overlaps = count_overlaps(head, reference)
    table = np.zeros((count_clusters(head), n_clusters))
    table[overlaps.rows, overlaps.columns] = overlaps.counts
    mapping = np.full(len(table) + 1, -1, dtype=np.int32)
    mapping[1:] = table.argmax(axis=1)
    clusters, partners = linear_sum_assignment(table, maximize=True)
    mapping[clusters + 1] = partners
    return mapping


def count_votes(
    aligned: Labels, n_clusters: int, *, votes: Votes | None = None
) -> Iterator[tuple[slice, npt.NDArray[np.int64]]]:
    """Counts the votes for every label of every image, some images at a time.

    Args:
        aligned: int32 [H, N] in -1..n_clusters-1; -1 does not vote.
        n_clusters: number of labels to vote for.
        votes: how many votes each head has, [H]; None: one.

    Yields:
        The rows (images) of the chunk and its counts, int64 [rows, n_clusters + 1]. Column
        c + 1 holds label c. Column 0 is always 0, so that argmax - 1 is -1 without any vote.
    """
    n_images = aligned.shape[1]
    n_columns = n_clusters + 1
    n_rows = max(1, VOTES_PER_CHUNK // n_columns)
    for start in range(0, n_images, n_rows):
        rows = slice(start, min(start + n_rows, n_images))
        chunk = aligned[:, rows]
        n_cells = chunk.shape[1] * n_columns
        cells = np.arange(0, n_cells, n_columns) + (chunk + 1)
        weights = None if votes is None else np.broadcast_to(votes[:, None], chunk.shape).ravel()
        counts = np.bincount(cells.ravel(), weights, minlength=n_cells).astype(np.int64, copy=False)
        counts = counts.reshape(-1, n_columns)
        counts[:, 0] = 0
        yield rows, counts


def majority(
    aligned: Labels, current: Labels, n_clusters: int, *, votes: Votes | None = None
) -> Labels:
    """The label with most votes, image by image.

    Where the current label is among the winners it stays; other ties go to the lowest label.

    Args:
        aligned: int32 [H, N] in -1..n_clusters-1; -1 does not vote.
        current: int32 [N] in -1..n_clusters-1.
        n_clusters: number of labels to vote for.
        votes: how many votes each head has, [H]; None: one.

    Returns:
        int32 [N]; -1 for images without votes.
    """
    labels = np.empty_like(current)
    for rows, counts in count_votes(aligned, n_clusters, votes=votes):
        images = np.arange(len(counts))
        winners = counts.argmax(axis=1)
        held = current[rows] + 1
        stays = counts[images, held] == counts[images, winners]
        labels[rows] = np.where(stays, held, winners) - 1
    return labels


def revote(
    labels: Labels,
    clustering: Labels,
    n_clusters: int,
    *,
    weights: HeadWeights = None,
    max_rounds: int = 100,
) -> Labels:
    """Aligns all heads to a clustering and votes again, until nothing changes.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.
        clustering: where to start, int32 [N] in -1..n_clusters-1.
        n_clusters: number of labels to vote for.
        weights: how much each head counts.
        max_rounds: stop after this many rounds.

    Returns:
        int32 [N] in 0..n_clusters-1; -1 for images that all heads miss.
    """
    for _ in range(max_rounds):
        aligned = align(labels, clustering, n_clusters)
        votes = as_votes(weights, aligned, clustering)
        voted = majority(aligned, clustering, n_clusters, votes=votes)
        if np.array_equal(voted, clustering):
            break
        clustering = voted
    return clustering


def agreement(
    aligned: Labels, clustering: Labels, *, votes: Votes | None = None
) -> npt.NDArray[np.float32]:
    """The share of the votes behind each image's label, among the heads that label the image.

    Args:
        aligned: int32 [H, N], named after the clustering's clusters; -1 does not vote.
        clustering: int32 [N]; -1 is missing.
        votes: how many votes each head has, [H]; None: one.

    Returns:
        float32 [N], 0..1; 0 for images that all heads miss.
    """
    each = np.ones(len(aligned), dtype=np.int64) if votes is None else votes
    behind = np.zeros(len(clustering), dtype=np.int64)
    cast = np.zeros(len(clustering), dtype=np.int64)
    for head, n_votes in zip(aligned, each.tolist(), strict=True):
        is_known = head >= 0
        cast += n_votes * is_known
        behind += n_votes * (is_known & (head == clustering))
    return (behind / np.maximum(cast, 1)).astype(np.float32)


def share_in_common(first: Labels, second: Labels, n_clusters: int) -> float:
    """The share of images that two clusterings treat alike, after the Hungarian method.

    Args:
        first: int32 [N] in -1..n_clusters-1.
        second: int32 [N] in -1..n_clusters-1.
        n_clusters: clusters of either, the empty ones included.

    Returns:
        0..1, of the images that both label; 0 if there are none.
    """
    is_known = (first >= 0) & (second >= 0)
    if not is_known.any():
        return 0.0
    renamed = align(first[None], second, n_clusters)[0]
    return float((renamed == second)[is_known].mean())
