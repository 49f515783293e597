"""Heads made ready to be combined."""

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ucls.ensemble.label_matrix import compact, count_clusters, number_by_first_image
from ucls.types import IntArray, Labels

Number = TypeVar("Number", bound=np.number)


class Prepared(NamedTuple):
    """Heads that say something, of images that at least one of them labels."""

    labels: Labels
    """Compact, int32 [H, N]; clusters are numbered by their first image, -1 is missing."""
    first_head: Labels
    """The first of these heads, int32 [N], its clusters in the order of the caller's numbers."""
    heads: list[int]
    """The caller's numbers of the heads."""
    is_labelled: npt.NDArray[np.bool_]
    """Which of the caller's images are there."""
    notes: list[str]
    """What was left out, and why."""

    def original_numbers(self, matrix: IntArray) -> npt.NDArray[np.int64]:
        """The caller's number of each cluster, head after head, int64 [V].

        Args:
            matrix: what was prepared.
        """
        found = []
        for row, head in zip(self.labels, self.heads, strict=True):
            numbers, first = np.unique(row, return_index=True)
            found.append(matrix[head][self.is_labelled][first[numbers >= 0]])
        return np.concatenate(found).astype(np.int64)

    def restore(self, values: npt.NDArray[Number], *, missing: int) -> npt.NDArray[Number]:
        """Puts ``missing`` where the caller has images that no head labels."""
        if self.is_labelled.all():
            return values
        restored = np.full(len(self.is_labelled), missing, dtype=values.dtype)
        restored[self.is_labelled] = values
        return restored


def prepare(matrix: IntArray) -> Prepared:
    """Leaves out heads that say nothing, and images that no head labels.

    Heads of one cluster stay where there are no others.

    Args:
        matrix: integers [H, N], at least -1, with at least one label.
    """
    n_images = matrix.shape[1]
    labels = np.empty(matrix.shape, dtype=np.int32)
    for row, head in zip(labels, matrix, strict=True):
        row[:] = compact(head)
    n_found = [count_clusters(head) for head in labels]
    fewest = 2 if max(n_found) > 1 else 1
    heads = [number for number, n_clusters in enumerate(n_found) if n_clusters >= fewest]
    notes = [
        f"head {number} has {'no labels' if n_clusters == 0 else 'only one cluster'}: left out"
        for number, n_clusters in enumerate(n_found)
        if n_clusters < fewest
    ]
    if len(heads) < len(labels):
        labels = labels[heads]
    is_labelled = np.zeros(n_images, dtype=bool)
    for head in labels:
        is_labelled |= head >= 0
    if n_missing := n_images - np.count_nonzero(is_labelled):
        others = "all other heads" if notes else "all heads"
        notes.append(
            f"{n_missing} of {n_images} images are missing in {others}: label -1, confidence 0"
        )
        labels = labels[:, is_labelled]
    first_head = labels[0].copy()
    for row in labels:
        row[:] = number_by_first_image(row)
    return Prepared(labels, first_head, heads, is_labelled, notes)
