"""Heads aligned to one clustering by the Hungarian method, and their votes."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ucls.ensemble.contingency import count_overlaps
from ucls.ensemble.label_matrix import Labels, count_clusters

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


def count_votes(aligned: Labels, n_clusters: int) -> Iterator[tuple[slice, npt.NDArray[np.int64]]]:
    """Counts the heads behind every label of every image, some images at a time.

    Args:
        aligned: int32 [H, N] in -1..n_clusters-1; -1 does not vote.
        n_clusters: number of labels to vote for.

    Yields:
        The rows (images) of the chunk and its votes, int64 [rows, n_clusters + 1]. Column
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
        votes = np.bincount(cells.ravel(), minlength=n_cells).reshape(-1, n_columns)
        votes[:, 0] = 0
        yield rows, votes


def majority(aligned: Labels, current: Labels, n_clusters: int) -> Labels:
    """The label with most votes, image by image.

    Where the current label is among the winners it stays; other ties go to the lowest label.

    Args:
        aligned: int32 [H, N] in -1..n_clusters-1; -1 does not vote.
        current: int32 [N] in -1..n_clusters-1.
        n_clusters: number of labels to vote for.

    Returns:
        int32 [N]; -1 for images without votes.
    """
    labels = np.empty_like(current)
    for rows, votes in count_votes(aligned, n_clusters):
        images = np.arange(len(votes))
        winners = votes.argmax(axis=1)
        held = current[rows] + 1
        stays = votes[images, held] == votes[images, winners]
        labels[rows] = np.where(stays, held, winners) - 1
    return labels


def revote(labels: Labels, clustering: Labels, n_clusters: int, *, max_rounds: int = 20) -> Labels:
    """Aligns all heads to a clustering and votes again, until nothing changes.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.
        clustering: where to start, int32 [N] in -1..n_clusters-1.
        n_clusters: number of labels to vote for.
        max_rounds: stop after this many rounds.

    Returns:
        int32 [N] in 0..n_clusters-1; -1 for images that all heads miss.
    """
    for _ in range(max_rounds):
        voted = majority(align(labels, clustering, n_clusters), clustering, n_clusters)
        if np.array_equal(voted, clustering):
            break
        clustering = voted
    return clustering
