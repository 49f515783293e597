"""Exact search among all images by cosine similarity, in bounded memory."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ucls.errors import UclsError, UsageError
from ucls.neighbors.equal_rows import EqualRows
from ucls.tables import AnyFeatures, RowTable

Features = npt.NDArray[np.floating]
Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

QUERIES_PER_CHUNK = 4096
QUERIES_FROM_DISK = 2**15
"""For each so many all features are read once more, where they stay on disk."""
THREADS_PER_CHUNK = 16
IMAGES_PER_BLOCK = {"cpu": 1024, "cuda": 2**15}
"""Few enough that the similarities of some queries stay in the cache of a core."""
ROWS_PER_SPAN = 512
RANKED_PER_CHUNK = 2**26
HIDDEN = -np.inf
FAR = 64
"""Powers of two between 1 and the largest value of a row, beyond which it is scaled first."""


class Block(NamedTuple):
    """Similarities of some queries to some rows of the features."""

    similarity: Any
    """float32 [Q, b], an array or, on a GPU, a tensor; ``HIDDEN`` to the query's own row, unless
    other images have it too."""
    rows: Rows
    """[b], or [Q, b] where each query has its own."""

    def maxima(self, n_groups: int) -> Vectors:
        """The largest similarity in each of disjoint groups of rows [Q, n_groups]."""
        n_queries, n_rows = self.similarity.shape
        per_group = n_rows // n_groups
        columns = self.similarity[:, : per_group * n_groups]
        groups = columns.reshape(n_queries, per_group, n_groups)
        is_array = isinstance(groups, np.ndarray)
        largest: Vectors = groups.max(axis=1) if is_array else groups.amax(dim=1).cpu().numpy()
        return largest

    def reaching(self, bar: Vectors) -> tuple[Rows, Vectors]:
        """Where similarities, laid out flat, are not below the bar [Q], and how large these are."""
        similarity = self.similarity
        if isinstance(similarity, np.ndarray):
            places = np.flatnonzero(similarity >= bar[:, None])
            return places, similarity.take(places)
        bars = torch.from_numpy(bar).to(similarity.device).unsqueeze(1)
        reached = (similarity >= bars).flatten().nonzero().squeeze(1)
        return reached.cpu().numpy(), similarity.take(reached).cpu().numpy()


Show = Callable[[slice], Block]
"""Makes a block of similarities for some queries of a chunk, in any thread."""


class Search(Protocol):
    """Ranks nothing, but shows all rows that can be among the nearest.

    Attributes:
        n_images: N.
        equal: the different rows; None where each image has its own.
        n_queries: of a chunk.
    """

    n_images: int
    equal: EqualRows | None
    n_queries: int

    def blocks(self, queries: Rows, n_nearest: int) -> Iterator[Show]:
        """Goes through the similarities of some rows to the others.

        Args:
            queries: the rows [Q].
            n_nearest: each query's so many nearest rows have to be shown, and all that are equally
                similar as the last of them.
        """


class BlockSearch:
    """One product of queries and images after the other, on any device.

    The features stay as they are: a block of them is normalised when its turn comes, so that
    beside them there is never more than a chunk of queries and a block of images in memory.
    On the CPU all is NumPy's: its BLAS is the faster one on processors that torch's was not made
    for, and torch's other operations take several times as long. There a product takes one core, so
    that each core works on similarities that its cache holds.

    Args:
        features: [N, D], any scale and floating-point type, in memory or on disk.
        device: where the products are taken.
        equal: their different rows.

    Raises:
        UsageError: if a value is not finite.
    """

    def __init__(
        self,
        features: AnyFeatures,
        device: str | torch.device = "cpu",
        equal: EqualRows | None = None,
    ) -> None:
        self.n_images, self.equal = len(features), equal
        self.n_queries = QUERIES_PER_CHUNK * max(1, torch.get_num_threads() // THREADS_PER_CHUNK)
        if isinstance(features, RowTable):
            self.n_queries = QUERIES_FROM_DISK
        self._device = torch.device(device)
        self._n_shown = IMAGES_PER_BLOCK[self._device.type]
        spans = [slice(i, i + ROWS_PER_SPAN) for i in range(0, self.n_images, ROWS_PER_SPAN)]
        self.features: Any = features
        self.scale: Any = None
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            largest = pool.map(lambda span: _largest(features[span]), spans)
            scale = _scale(np.concatenate(list(largest)))
            if (scale != 1.0).any():
                self.scale = scale[:, None]
            norms = pool.map(lambda span: _norms(self._scaled(span)), spans)
            self.norms: Any = np.concatenate(list(norms))
        self._is_sent_in_parts = self._device.type != "cpu" and isinstance(features, RowTable)
        if self._device.type != "cpu" and not isinstance(features, RowTable):
            self.features, self.norms = self._there(features), self._there(self.norms)
            self.scale = None if self.scale is None else self._there(self.scale)

    def blocks(self, queries: Rows, n_nearest: int) -> Iterator[Show]:
        """See :class:`Search`; shows all images."""
        n_rows = self.n_images if self.equal is None else len(self.equal.firsts)
        vectors = self._unit_vectors(queries)
        with _blas().limit(limits=1):
            for start in range(0, n_rows, self._n_shown):
                rows = np.arange(start, min(start + self._n_shown, n_rows))
                yield partial(self._multiply, queries, vectors, rows, self._unit_vectors(rows))

    def _multiply(self, queries: Rows, vectors: Any, rows: Rows, images: Any, part: slice) -> Block:
        """The inner products of some of the vectors [Q, D] and all images [b, D]."""
        similarity, queries = vectors[part] @ images.T, queries[part]
        is_shown = (queries >= rows[0]) & (queries <= rows[-1])
        itself = np.flatnonzero(is_shown & _is_alone(queries, self.equal))
        similarity[itself, queries[itself] - rows[0]] = HIDDEN
        return Block(similarity, rows)

    def _unit_vectors(self, rows: Rows) -> Any:
        images = rows if self.equal is None else self.equal.firsts[rows]
        # Neighbouring rows are a view, which the conversion alone copies.
        is_span = (np.diff(images) == 1).all()
        part: Any = slice(int(images[0]), int(images[-1]) + 1) if is_span else images
        vectors = self._scaled(part)
        if isinstance(vectors, np.ndarray):
            vectors = vectors.astype(np.float32)
        else:
            vectors = vectors.to(torch.float32, copy=True)
        vectors /= self.norms[part][:, None]
        return self._there(vectors) if self._is_sent_in_parts else vectors

    def _scaled(self, part: Any) -> Any:
        rows = self.features[part]
        return rows if self.scale is None else rows * self.scale[part]

    def _there(self, array: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)


class FaissSearch:
    """Search on the CPU with FAISS, which keeps a normalised copy of all features.

    Args:
        features: [N, D], any scale.
        equal: their different rows.

    Raises:
        UclsError: if FAISS is not installed.
        UsageError: if a value is not finite.
    """

    def __init__(self, features: AnyFeatures, equal: EqualRows | None = None) -> None:
        faiss = import_faiss()
        self.equal = equal
        self.vectors = unit_vectors(features[:] if equal is None else features[equal.firsts])
        self.index = faiss.IndexFlatIP(self.vectors.shape[1])
        self.index.add(self.vectors)
        self.n_images = len(features)
        self.n_queries = max(1, RANKED_PER_CHUNK // len(self.vectors))

    def blocks(self, queries: Rows, n_nearest: int) -> Iterator[Show]:
        """See :class:`Search`; shows the nearest rows, with all that equal the last."""
        # One more, since a row itself can be among them, and one that tells of a cut.
        similarity, rows = self._rank(self.vectors[queries], n_nearest + 2)
        is_itself = (rows == queries[:, None]) & _is_alone(queries, self.equal)[:, None]
        similarity[is_itself] = HIDDEN
        yield lambda part: Block(similarity[part], rows[part])

    def _rank(self, vectors: Vectors, n_ranked: int) -> tuple[Vectors, Rows]:
        """So many of the largest similarities or more, falling, and their rows."""
        similarity, rows = self.index.search(vectors, min(n_ranked, len(self.vectors)))
        if n_ranked < len(self.vectors):
            is_cut = similarity[:, -1] == similarity[:, -2]
            if is_cut.any():
                more, others = self._rank(vectors[is_cut], 2 * n_ranked)
                beyond = ((0, 0), (0, more.shape[1] - n_ranked))
                similarity = np.pad(similarity, beyond, constant_values=HIDDEN)
                rows = np.pad(rows, beyond)
                similarity[is_cut], rows[is_cut] = more, others
        return similarity, rows


def unit_vectors(features: Features) -> Vectors:
    """L2-normalises the rows of ``features`` [N, D], any scale; all-zero rows stay zero.

    Raises:
        UsageError: if a value is not finite.
    """
    largest = np.maximum(features.max(axis=1, initial=0), -features.min(axis=1, initial=0))
    vectors = np.empty(features.shape, dtype=np.float32)
    # This makes no copy of the features in a wider type.
    np.multiply(features, _scale(largest)[:, None], out=vectors, casting="same_kind")
    # Letters: n images, d features. Unlike numpy.linalg.norm this makes no copy of the matrix,
    # and float64 neither overflows nor underflows.
    squares = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    vectors /= np.maximum(np.sqrt(squares), np.finfo(np.float64).tiny)[:, None]
    return vectors


def _scale(largest: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """What brings rows with such largest values [N] near 1: a power of two, so nothing is rounded.

    It is 1 for those within ``FAR`` powers.
    """
    wrong = np.flatnonzero(~np.isfinite(largest))
    if len(wrong) > 0:
        raise UsageError(
            f"expected finite features, but {len(wrong):,} of {len(largest):,} rows hold NaN or "
            f"infinity, the first of them row {wrong[0]}; leave these rows out or embed them again"
        )
    exponents = np.frexp(largest.astype(np.float64))[1]
    return np.where(np.abs(exponents) > FAR, np.ldexp(1.0, np.minimum(-exponents, 1000)), 1.0)


def _is_alone(rows: Rows, equal: EqualRows | None) -> npt.NDArray[np.bool_]:
    """Whether no two images have the row [Q]."""
    return np.ones(len(rows), dtype=np.bool_) if equal is None else equal.sizes[rows] == 1


def _largest(features: Features) -> npt.NDArray[np.floating]:
    """The largest size of a value in each row [n, D]."""
    wide = _wide(features)
    largest: npt.NDArray[np.floating] = np.maximum(wide.max(axis=1), -wide.min(axis=1))
    return largest


def _norms(features: Features) -> Vectors:
    """The length of each row [n, D]; 1 for all-zero rows."""
    wide = _wide(features)
    # Letters: n images, d features.
    squares = np.einsum("nd,nd->n", wide, wide, dtype=np.float64)
    norms = np.sqrt(squares).astype(np.float32)
    return np.where(norms > 0.0, norms, np.float32(1.0))


def _wide(features: Features) -> Features:
    """The same numbers in a type that is quick to compute with, which half precision is not."""
    return features.astype(np.result_type(features, np.float32), copy=False)


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def import_faiss() -> Any:
    """FAISS; UclsError if it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise UclsError(
            "FAISS is not installed; install it with: pip install 'ucls[cpu]' "
            "(or 'ucls[gpu]' for CUDA; not both, they overwrite each other)"
        ) from error
    return faiss
