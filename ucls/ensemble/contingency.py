"""Contingency counts between two clusterings, in sparse form."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.ensemble.label_matrix import count_clusters
from ucls.types import IntArray, Labels

# Up to this many cells (8 MB of counts) a table is counted densely, however few the images.
SMALL_TABLE = 2**20


class Overlaps(NamedTuple):
    """The pairs of clusters that share images. Sorted by row, then by column."""

    rows: npt.NDArray[np.int64]
    """Clusters of the first clustering, [nnz]."""
    columns: npt.NDArray[np.int64]
    """Clusters of the second clustering, [nnz]."""
    counts: npt.NDArray[np.int64]
    """Images in both, [nnz], at least 1."""


def count_overlaps(first: Labels, second: Labels) -> Overlaps:
    """Counts the images that two clusterings put into each pair of clusters.

    Images missing in either are left out. Memory is bounded by a few arrays of N integers,
    however many clusters there are.

    Args:
        first: compact labels, int32 [N]; -1 is missing.
        second: compact labels, int32 [N]; -1 is missing.

    Returns:
        The non-zero cells of the contingency table.
    """
    # Row and column 0 of the table stand for missing: cheaper than masking N labels.
    n_rows, n_columns = count_clusters(first) + 1, count_clusters(second) + 1
    fits = n_rows * n_columns < 2**31
    cells: IntArray = first.astype(np.int32 if fits else np.int64)
    cells += 1
    cells *= n_columns
    cells += second
    cells += 1
    if n_rows * n_columns <= max(SMALL_TABLE, 4 * len(first)):
        table = np.bincount(cells, minlength=n_rows * n_columns)
        # Finding true values is several times faster than finding non-zero integers.
        occupied = np.flatnonzero(table > 0)
        counts = table[occupied]
    else:
        occupied, counts = np.unique(cells, return_counts=True)
    rows, columns = np.divmod(occupied, n_columns)
    known = (rows > 0) & (columns > 0)
    return Overlaps(rows[known] - 1, columns[known] - 1, counts[known])


def cluster_sizes(head: Labels) -> npt.NDArray[np.int64]:
    """Returns the images per cluster, int64 [k], of compact labels int32 [N] with -1 missing."""
    return np.bincount(head + 1)[1:]
