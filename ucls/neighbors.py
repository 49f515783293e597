"""Exact adaptive nearest-neighbour sets (thesis 5.2.5)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ucls.errors import UclsError, UsageError
from ucls.graph import NeighborGraph
from ucls.progress import Advance, ignore_progress

if TYPE_CHECKING:
    import torch

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

SIMILARITIES_PER_CHUNK = 2**26
THRESHOLD_OFF = 1.0
TYPICAL_SAMPLE = 4096


class Ranking(NamedTuple):
    """The nearest images of a chunk of queries, most similar first."""

    similarity: Float32
    """[n, K]."""
    indices: Int64
    """[n, K]."""


class Search(Protocol):
    """An exact search among all images by inner product."""

    def nearest(self, rows: slice, n_nearest: int) -> Ranking:
        """Ranks the ``n_nearest`` images for each query row, itself included."""

    def count_above(self, rows: slice, threshold: float) -> Int64:
        """Counts the images above ``threshold`` for each query row, itself included. [n]."""


class FaissSearch:
    """Search on the CPU with FAISS."""

    def __init__(self, vectors: Float32) -> None:
        faiss = _import_faiss()
        self.vectors = vectors
        self.index = faiss.IndexFlatIP(vectors.shape[1])
        self.index.add(vectors)

    def nearest(self, rows: slice, n_nearest: int) -> Ranking:
        """See :class:`Search`."""
        return Ranking(*self.index.search(self.vectors[rows], n_nearest))

    def count_above(self, rows: slice, threshold: float) -> Int64:
        """See :class:`Search`."""
        limits, _, _ = self.index.range_search(self.vectors[rows], threshold)
        counts: Int64 = np.diff(limits.astype(np.int64))
        return counts


class TorchSearch:
    """Search with chunked matrix products; FAISS has no range search on a GPU."""

    def __init__(self, vectors: Float32, device: str) -> None:
        import torch

        self.vectors = torch.from_numpy(vectors).to(device)

    def _similarity(self, rows: slice) -> "torch.Tensor":
        return self.vectors[rows] @ self.vectors.T

    def nearest(self, rows: slice, n_nearest: int) -> Ranking:
        """See :class:`Search`."""
        values, indices = self._similarity(rows).topk(n_nearest, dim=1)
        return Ranking(values.cpu().numpy(), indices.cpu().numpy())

    def count_above(self, rows: slice, threshold: float) -> Int64:
        """See :class:`Search`."""
        counts: Int64 = (self._similarity(rows) > threshold).sum(dim=1).cpu().numpy()
        return counts


def build_neighbors(
    features: Float32,
    *,
    k: int,
    threshold: float | Literal["typical"],
    cap: int | None = None,
    cap_keeps: Literal["nearest", "sample"] = "nearest",
    backend: Literal["faiss", "torch"] = "faiss",
    device: str = "cpu",
    seed: int = 0,
    advance: Advance = ignore_progress,
) -> NeighborGraph:
    """Builds S_x for every image: its k nearest, and all above a cosine threshold, up to a cap.

    Args:
        features: [N, D], any scale; they are L2-normalised here.
        k: neighbours that every image gets, whatever the cap.
        threshold: cosine similarity in [-1, 1] above which an image joins; 1 means
            never, ``typical`` the median similarity of an image to its k-th neighbour.
        cap: largest size of S_x; None for no limit.
        cap_keeps: keep the ``nearest`` members of a capped set, or a uniform ``sample`` of all of
            them, which need not hold the k nearest.
        backend: ``faiss`` (CPU) or ``torch`` (any device); the answer is the same.
        device: where the torch backend computes.
        seed: for ``cap_keeps="sample"``.
        advance: told of every finished image.

    Returns:
        The graph, without self, each row by falling similarity.

    Raises:
        UsageError: if k is not in 1..N-1 or ``features`` is not a matrix.
        UclsError: if FAISS is not installed.
    """
    vectors = unit_vectors(features)
    n_images = len(vectors)
    if not 1 <= k < n_images:
        raise UsageError(
            f"neighbors.k must be between 1 and {n_images - 1} for {n_images:,} images, "
            f"but it is {k}; choose a smaller k"
        )
    search: Search = FaissSearch(vectors) if backend == "faiss" else TorchSearch(vectors, device)
    if threshold == "typical":
        threshold = typical_similarity(search, n_images, k)
    limit = n_images - 1 if cap is None else min(max(cap, k), n_images - 1)
    rng = np.random.default_rng(seed) if cap_keeps == "sample" else None
    parts: list[_Part] = []
    for rows in _chunks(n_images):
        if rng is None:
            n_ranked = limit + 1
        else:
            n_ranked = max(k, int(search.count_above(rows, threshold).max()))
        # One more for self, which is removed by its index.
        ranking = search.nearest(rows, min(n_ranked + 1, n_images))
        ranking = _without_self(rows, ranking, n_images)
        parts.append(_select(ranking, k, threshold, limit=limit, rng=rng))
        advance(rows.stop - rows.start)
    counts, indices, similarity, capped = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return NeighborGraph(
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        indices=indices,
        similarity=similarity,
        k=k,
        threshold=threshold,
        cap=None if cap is None else limit,
        n_capped=int(capped.sum()),
        backend=backend,
        exact=True,
    )


def typical_similarity(search: Search, n_images: int, k: int) -> float:
    """The median similarity of an image to its k-th neighbour, over an even sample."""
    kth = []
    for rows in _chunks(n_images, step=max(1, n_images // TYPICAL_SAMPLE)):
        ranking = _without_self(rows, search.nearest(rows, k + 1), n_images)
        kth.append(ranking.similarity[:, k - 1])
    return float(np.median(np.concatenate(kth)))


def unit_vectors(features: Float32) -> Float32:
    """L2-normalises the rows of ``features`` [N, D]; all-zero rows stay zero."""
    if features.ndim != 2:
        raise UsageError(f"features must be a matrix [N, D], but their shape is {features.shape}")
    vectors: Float32 = np.array(features, dtype=np.float32, order="C")
    # Letters: n images, d features. Unlike numpy.linalg.norm this makes no copy of the matrix,
    # and float64 neither overflows nor underflows.
    squares = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    vectors /= np.maximum(np.sqrt(squares), np.finfo(np.float64).tiny)[:, None]
    return vectors


class _Part(NamedTuple):
    """The graph's rows for one chunk of images."""

    counts: Int64
    indices: npt.NDArray[np.int32]
    similarity: npt.NDArray[np.float16]
    capped: npt.NDArray[np.bool_]


def _select(
    ranking: Ranking,
    k: int,
    threshold: float,
    *,
    limit: int,
    rng: np.random.Generator | None,
) -> _Part:
    """Picks S_x from each ranking [n, K]; ``rng`` samples capped sets instead of cutting them."""
    counts = np.full(len(ranking.indices), k)
    if threshold < THRESHOLD_OFF:
        counts = np.maximum(counts, (ranking.similarity > threshold).sum(axis=1))
    capped = counts > limit
    columns = np.arange(ranking.indices.shape[1])
    member = columns < np.minimum(counts, limit)[:, None]
    if rng is not None:
        for row in np.flatnonzero(capped):
            member[row] = np.isin(columns, rng.choice(counts[row], limit, replace=False))
    return _Part(
        counts=member.sum(axis=1),
        indices=ranking.indices[member].astype(np.int32),
        similarity=ranking.similarity[member].astype(np.float16),
        capped=capped,
    )


def _without_self(rows: slice, ranking: Ranking, n_images: int) -> Ranking:
    """Removes each query's own index: [n, K] to [n, K - 1].

    By index and not by column, since a duplicate image can rank before the query itself, or
    push it out of the ranking; then the last column goes.
    """
    is_self = ranking.indices == np.arange(n_images)[rows, None]
    is_self[~is_self.any(axis=1), -1] = True
    shape = (len(is_self), is_self.shape[1] - 1)
    return Ranking(
        ranking.similarity[~is_self].reshape(shape), ranking.indices[~is_self].reshape(shape)
    )


def _chunks(n_images: int, step: int = 1) -> Iterator[slice]:
    """Cuts every ``step``-th query so that a chunk's similarities stay within a fixed memory."""
    span = max(1, SIMILARITIES_PER_CHUNK // n_images) * step
    for start in range(0, n_images, span):
        yield slice(start, min(start + span, n_images), step)


def _import_faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise UclsError(
            "FAISS is not installed; install it with: pip install 'ucls[cpu]' "
            "(or 'ucls[gpu]' for CUDA; not both, they overwrite each other)"
        ) from error
    return faiss
