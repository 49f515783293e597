"""Heads as a hypergraph: images are its vertices, the clusters of all heads its hyperedges."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.ensemble.label_matrix import count_clusters
from ucls.types import Labels

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class DistinctRows(NamedTuple):
    """The images of a label matrix, those with the same labels in all heads taken together."""

    labels: Labels
    """int32 [H, U]."""
    row_of_image: npt.NDArray[np.int64]
    """[N] in 0..U-1."""
    counts: npt.NDArray[np.int64]
    """Images per row, [U]."""


def merge_identical(labels: Labels) -> DistinctRows:
    """Takes images together that all heads treat alike.

    Args:
        labels: int32 [H, N].

    Returns:
        The distinct rows in a fixed order, with the way back.
    """
    rows, row_of_image, counts = np.unique(
        labels.T, axis=0, return_inverse=True, return_counts=True
    )
    return DistinctRows(np.ascontiguousarray(rows.T), row_of_image.reshape(-1), counts)


def split_rows(rows: DistinctRows, largest: int) -> DistinctRows:
    """Splits rows of many images into several rows with the same labels.

    Args:
        rows: the rows.
        largest: images that a row may have, at least 1.
    """
    n_parts = -(-rows.counts // largest)
    first_part = np.cumsum(n_parts) - n_parts
    images = np.argsort(rows.row_of_image, kind="stable")
    first_image = np.cumsum(rows.counts) - rows.counts
    rank = np.empty(len(images), dtype=np.int64)
    rank[images] = np.arange(len(images)) - np.repeat(first_image, rows.counts)
    part_of_image = first_part[rows.row_of_image] + rank // largest
    return DistinctRows(
        labels=np.repeat(rows.labels, n_parts, axis=1),
        row_of_image=part_of_image,
        counts=np.bincount(part_of_image),
    )


def membership(labels: Labels) -> "csr_array":
    """The hypergraph's incidence matrix: one row per image, one column per cluster of any head.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.

    Returns:
        float32 [N, V] of ones; V counts the clusters of all heads, head after head.
    """
    from scipy.sparse import csr_array

    starts = first_clusters(labels)
    known = labels.T >= 0
    columns = (labels.T + starts[:-1].astype(np.int32))[known]
    ends = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
    ones = np.ones(len(columns), dtype=np.float32)
    return csr_array((ones, columns, ends), shape=(labels.shape[1], int(starts[-1])))


def first_clusters(labels: Labels) -> npt.NDArray[np.int64]:
    """Where each head's clusters start when all are counted head after head, int64 [H + 1]."""
    return np.cumsum([0] + [count_clusters(head) for head in labels])
