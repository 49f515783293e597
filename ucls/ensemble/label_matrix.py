"""Label matrices: what goes in, checked and renumbered."""

import numpy as np
import numpy.typing as npt

from ucls.errors import UsageError
from ucls.types import IntArray, Labels

# Up to this label a table is quicker than a sort.
LARGEST_TABLE = 2**22


def check_label_matrix(labels: npt.ArrayLike) -> IntArray:
    """Returns the label matrix as an array, or says what is wrong with it.

    Args:
        labels: integers [H, N], at least -1; -1 is missing.

    Returns:
        The same values, integer [H, N], not copied where it is an array already.

    Raises:
        UsageError: not an integer matrix, empty, below -1, or without a single label.
    """
    try:
        matrix = np.asarray(labels)
    except ValueError as error:
        raise UsageError(
            "labels must be a matrix [n_heads, n_images], got rows of different lengths: "
            "mark missing labels by -1"
        ) from error
    if matrix.ndim != 2 or matrix.size == 0:
        raise UsageError(
            f"labels must be a non-empty matrix [n_heads, n_images], got shape {matrix.shape}: "
            "put one head in each row"
        )
    if not np.issubdtype(matrix.dtype, np.integer):
        raise UsageError(
            f"labels must be integers, got {matrix.dtype}: convert them, with -1 for missing"
        )
    if matrix.min() < -1:
        raise UsageError(
            f"labels must be -1 (missing) or cluster numbers from 0, got {matrix.min()}: "
            "replace other negative labels"
        )
    if matrix.max() < 0:
        raise UsageError("labels must not all be missing, got only -1: give at least one head")
    return matrix


def compact(head: IntArray) -> Labels:
    """Renumbers the clusters of one head to 0..k-1, in the order of their numbers.

    Args:
        head: integers [N]; -1 is missing and stays -1.

    Returns:
        int32 [N].
    """
    largest = int(head.max())
    if largest > LARGEST_TABLE:
        values = np.unique(head[head >= 0])
        return np.where(head >= 0, np.searchsorted(values, head), -1).astype(np.int32)
    shifted = head.astype(np.int64) + 1
    is_used = np.zeros(largest + 2, dtype=bool)
    is_used[shifted] = True
    is_used[0] = False
    numbers = (np.cumsum(is_used) - 1).astype(np.int32)
    numbers[0] = -1
    return numbers[shifted]


def number_by_first_image(head: Labels) -> Labels:
    """Renumbers compact clusters by the first image they hold.

    Two heads with the same partition then have the same labels, so that no consensus depends
    on how a head happens to number its clusters.

    Args:
        head: compact labels, int32 [N]; -1 is missing and stays -1.

    Returns:
        int32 [N].
    """
    n_images = len(head)
    first_image = np.full(count_clusters(head) + 1, n_images)
    np.minimum.at(first_image, head + 1, np.arange(n_images))
    numbers = np.empty(len(first_image), dtype=np.int32)
    numbers[0] = -1
    numbers[1 + np.argsort(first_image[1:])] = np.arange(len(first_image) - 1)
    return numbers[head + 1]


def count_clusters(labels: IntArray) -> int:
    """Returns the largest label plus 1: the number of clusters of a compact head."""
    return int(labels.max()) + 1
