"""The neighbour graph: for each image the images most like it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError


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
