"""What the rooms and the files hand to one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError

Labels: TypeAlias = NDArray[np.int32]
"""Clusters or classes of images, [N] or of several heads [H, N]; -1 where there is none."""
IntArray: TypeAlias = NDArray[np.integer[Any]]
Figures: TypeAlias = dict[str, Any]
"""What is measured, by name, as JSON can hold it."""
Linkage = Literal["diffusion", "spectral", "average"]
LINKAGES: tuple[Linkage, ...] = ("diffusion", "spectral", "average")
Effort = Literal["quick", "normal", "thorough"]
"""How much work goes into the heads."""


def check_labels(name: str, labels: IntArray) -> None:
    """Checks labels of any shape, called ``name``.

    Raises:
        UsageError: if they are not integers from 0, with -1 where there is none.
    """
    if not np.issubdtype(labels.dtype, np.integer):
        raise UsageError(f"{name} must be integers, got {labels.dtype}: convert them")
    if labels.size and labels.min() < -1:
        raise UsageError(
            f"{name} must be numbers from 0, or -1 where there is none, got {labels.min()}: "
            "replace other negative numbers"
        )


def renumber(labels: IntArray, numbers: Labels) -> Labels:
    """Replaces each label by ``numbers[label]``; -1 stays -1."""
    # In an array, -1 takes the last.
    renumbered: Labels = np.append(numbers, np.int32(-1))[labels]
    return renumbered


@dataclass(frozen=True, eq=False)
class NeighborGraph:
    """The neighbour sets S_x of N images as a sparse matrix in CSR form, without self.

    Attributes:
        indptr: int64 [N+1]; row i lies at ``indptr[i]:indptr[i+1]`` of the other two.
        indices: int32 [nnz]; the neighbours, by falling similarity within each row.
        similarity: float16 [nnz]; their cosine similarity.
        k: nearest neighbours that every image was given.
        threshold: similarity above which further images joined; None: none did.
        cap: largest size of a row; None: no limit.
        n_capped: rows that the cap cut.
        backend: what searched.
        exact: whether the search was exact.
        recall: share of the k nearest that an approximate search finds, measured on a sample; None
            where it is exact.

    Raises:
        UsageError: when the arrays do not fit together.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    similarity: NDArray[np.float16]
    k: int
    threshold: float | None
    cap: int | None
    n_capped: int
    backend: str
    exact: bool
    recall: float | None = None

    def __post_init__(self) -> None:
        for name, dtype in (("indptr", "int64"), ("indices", "int32"), ("similarity", "float16")):
            array = getattr(self, name)
            if array.ndim != 1 or array.dtype != dtype:
                raise UsageError(
                    f"expected {name} as a {dtype} vector, got {array.dtype} {array.shape}; "
                    "build the graph again"
                )
        _check_rows(self.indptr, len(self.indices), len(self.similarity))
        if len(self.indices) and not 0 <= self.indices.min() <= self.indices.max() < self.n_images:
            raise UsageError(
                f"expected neighbours from 0 to {self.n_images - 1}, got {self.indices.min()} "
                f"to {self.indices.max()}; build the graph again"
            )

    @property
    def n_images(self) -> int:
        """Number of rows N."""
        return len(self.indptr) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Neighbours of each image, int64 [N]."""
        return np.diff(self.indptr)

    @property
    def mean_count(self) -> float:
        """Mean number of neighbours per image."""
        return len(self.indices) / self.n_images

    def row(self, i: int) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
        """Returns views of the neighbours of image ``i`` and their similarities.

        Raises:
            IndexError: when there is no such image.
        """
        if not 0 <= i < self.n_images:
            raise IndexError(f"image {i} of {self.n_images}")
        span = slice(self.indptr[i], self.indptr[i + 1])
        return self.indices[span], self.similarity[span]


def _check_rows(indptr: NDArray[np.int64], n_indices: int, n_similarity: int) -> None:
    """Raises UsageError unless ``indptr`` splits both arrays into rows."""
    if len(indptr) < 2 or indptr[0] != 0 or np.any(indptr[1:] < indptr[:-1]):
        raise UsageError(
            "expected indptr to start at 0 and never fall, with at least one row, "
            f"got {len(indptr)} values starting with {indptr[:3].tolist()}; build the graph again"
        )
    if not indptr[-1] == n_indices == n_similarity:
        raise UsageError(
            f"expected {indptr[-1]} neighbours by indptr, got {n_indices} indices and "
            f"{n_similarity} similarities; build the graph again"
        )


@dataclass(frozen=True, eq=False)
class MergedHead:
    """What became of a head's C' clusters.

    Attributes:
        leaf_of: the leaf of the tree that each cluster is, int32 [C']; -1 for empty ones. Where the
            tree is that of several heads, other leaves are clusters of these.
        tree: how M leaves merge, in SciPy's format, float64 [M - 1, 4].
    """

    leaf_of: Labels
    tree: NDArray[np.float64]

    @property
    def n_filled(self) -> int:
        """Clusters that hold images."""
        return int(np.count_nonzero(self.leaf_of >= 0))

    def cut(self, n_clusters: int) -> Labels:
        """The merged cluster of each of the head's clusters, int32 [C']; -1 for empty ones."""
        return renumber(self.leaf_of, cut_into(self.tree, n_clusters))


@dataclass(frozen=True, eq=False)
class MergedHeads:
    """The merge trees of some heads.

    Attributes:
        heads: one for each.
        linkage: how their clusters are merged.
        cut_shares: share of the graph's links that ``auto`` chose by: between clusters of any size
            under ``diffusion``, between parts of like size under ``spectral``.
        clearest: another number of clusters, which the links tell apart far more clearly.
        n_left: clusters to cut at, where small ones have joined others; None for those wanted.
    """

    heads: tuple[MergedHead, ...]
    linkage: Linkage
    cut_shares: dict[Linkage, float]
    clearest: int | None = None
    n_left: int | None = None

    def numbered_alike(self, heads: Sequence[int]) -> bool:
        """Whether a cut gives these heads the same clusters, as they share a tree."""
        trees = [self.heads[head].tree for head in heads]
        return self.linkage == "diffusion" and all(np.array_equal(tree, trees[0]) for tree in trees)

    @property
    def look_unequal(self) -> bool:
        """Whether the sizes found differ: parts of like size would cut more links."""
        return self.linkage != "spectral" and "spectral" in self.cut_shares


def cut_into(tree: NDArray[np.float64], n_clusters: int) -> Labels:
    """The clusters after as many merges as leave ``n_clusters``, int32 [M], numbered from 0.

    Args:
        tree: of M leaves.
        n_clusters: 1..M; if there are fewer leaves, none is merged.
    """
    n_leaves = len(tree) + 1
    parent = np.arange(2 * n_leaves - 1)
    for step in range(n_leaves - min(n_clusters, n_leaves)):
        parent[tree[step, :2].astype(int)] = n_leaves + step
    # Parents have higher numbers than their children.
    for node in range(len(parent) - 1, -1, -1):
        parent[node] = parent[parent[node]]
    return np.unique(parent[:n_leaves], return_inverse=True)[1].astype(np.int32)
