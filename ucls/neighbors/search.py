"""Exact search among all images by cosine similarity, in bounded memory."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from ucls.errors import UclsError, UsageError
from ucls.neighbors.equal_rows import EqualRows

Features = npt.NDArray[np.floating]
Vectors = npt.NDArray[np.float32]

QUERIES_PER_CHUNK = 4096
IMAGES_PER_BLOCK = {"cpu": 2048, "cuda": 2**15}
"""Few enough that a block of similarities, of all queries of a chunk, stays small."""
RANKED_PER_CHUNK = 2**26
HIDDEN = -torch.inf
FAR = 64
"""Powers of two between 1 and the largest value of a row, beyond which it is scaled first."""


class Block(NamedTuple):
    """Similarities of the queries of a chunk to some rows of the features."""

    similarity: torch.Tensor
    """float32 [Q, b]; ``HIDDEN`` to the query's own row, unless other images have it too."""
    rows: torch.Tensor
    """int64 [b], or [Q, b] where each query has its own."""


class Search(Protocol):
    """Ranks nothing, but shows all rows that can be among the nearest.

    Attributes:
        n_images: N.
        equal: the different rows, on the device; None where each image has its own.
        n_queries: of a chunk.
        device: where the blocks are.
    """

    n_images: int
    equal: EqualRows | None
    n_queries: int
    device: torch.device

    def blocks(self, queries: torch.Tensor, n_nearest: int) -> Iterator[Block]:
        """Goes through the similarities of some rows to the others.

        Args:
            queries: the rows, int64 [Q], on the device.
            n_nearest: each query's so many nearest rows have to be shown, and all that are equally
                similar as the last of them.
        """


class BlockSearch:
    """One product of queries and images after the other, on any device.

    The features stay as they are: a block of them is normalised when its turn comes, so that
    beside them there is never more than a chunk of queries and a block of images in memory.

    Args:
        features: [N, D], any scale and floating-point type.
        device: where the products are taken.
        equal: their different rows.

    Raises:
        UsageError: if a value is not finite.
    """

    def __init__(
        self,
        features: Features,
        device: str | torch.device = "cpu",
        equal: EqualRows | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.features = torch.from_numpy(features).to(self.device)
        self.n_images = len(features)
        self.equal = equal and EqualRows(*(array.to(self.device) for array in equal))
        self.n_queries = QUERIES_PER_CHUNK
        self._block = IMAGES_PER_BLOCK[self.device.type]
        spans = [slice(i, i + self._block) for i in range(0, self.n_images, self._block)]
        largest = [self.features[span].abs().amax(dim=1).double().cpu() for span in spans]
        scale = _scale(torch.cat(largest).numpy())
        self.scale = None if (scale == 1.0).all() else torch.from_numpy(scale).to(self.device)
        self.norms = torch.cat([_norms(self._scaled(span)) for span in spans])

    def blocks(self, queries: torch.Tensor, n_nearest: int) -> Iterator[Block]:
        """See :class:`Search`; shows all images, each block in the memory of the one before."""
        n_rows = self.n_images if self.equal is None else len(self.equal.firsts)
        vectors = self._unit_vectors(queries)
        products = torch.empty(len(queries) * self._block, device=self.device)
        for start in range(0, n_rows, self._block):
            rows = torch.arange(start, min(start + self._block, n_rows), device=self.device)
            similarity = products[: len(queries) * len(rows)].view(len(queries), -1)
            _multiply(vectors, self._unit_vectors(rows), out=similarity)
            is_shown = (queries >= start) & (queries < start + len(rows))
            itself = (is_shown & _is_alone(queries, self.equal)).nonzero().squeeze(1)
            similarity[itself, queries[itself] - start] = HIDDEN
            yield Block(similarity, rows)

    def _unit_vectors(self, rows: torch.Tensor) -> torch.Tensor:
        images = rows if self.equal is None else self.equal.firsts[rows]
        # Neighbouring rows are a view, which the conversion alone copies.
        is_span = bool((images.diff() == 1).all())
        part: Any = slice(int(images[0]), int(images[-1]) + 1) if is_span else images
        vectors = self._scaled(part).to(torch.float32, copy=True)
        return vectors.div_(self.norms[part].unsqueeze(1))

    def _scaled(self, part: Any) -> torch.Tensor:
        rows = self.features[part]
        return rows if self.scale is None else rows.double() * self.scale[part].unsqueeze(1)


class FaissSearch:
    """Search on the CPU with FAISS, which keeps a normalised copy of all features.

    Args:
        features: [N, D], any scale.
        equal: their different rows.

    Raises:
        UclsError: if FAISS is not installed.
        UsageError: if a value is not finite.
    """

    def __init__(self, features: Features, equal: EqualRows | None = None) -> None:
        faiss = _import_faiss()
        self.device, self.equal = torch.device("cpu"), equal
        self.vectors = unit_vectors(features if equal is None else features[equal.firsts.numpy()])
        self.index = faiss.IndexFlatIP(self.vectors.shape[1])
        self.index.add(self.vectors)
        self.n_images = len(features)
        self.n_queries = max(1, RANKED_PER_CHUNK // len(self.vectors))

    def blocks(self, queries: torch.Tensor, n_nearest: int) -> Iterator[Block]:
        """See :class:`Search`; shows the nearest rows, with all that equal the last."""
        vectors = self.vectors[queries.numpy()]
        # One more, since a row itself can be among them, and one that tells of a cut.
        n_ranked = min(n_nearest + 2, len(self.vectors))
        similarity, rows = self._rank(vectors, n_ranked)
        is_cut = torch.zeros(len(queries), dtype=torch.bool)
        if n_ranked < len(self.vectors):
            is_cut = similarity[:, -1] == similarity[:, -2]
        if is_cut.any():
            more, others = self._rank(vectors[is_cut.numpy()], len(self.vectors))
            width = int((more >= more[:, n_ranked - 1 : n_ranked]).sum(dim=1).max())
            beyond = (0, width - n_ranked)
            similarity, rows = F.pad(similarity, beyond, value=HIDDEN), F.pad(rows, beyond)
            similarity[is_cut], rows[is_cut] = more[:, :width], others[:, :width]
        is_itself = (rows == queries.unsqueeze(1)) & _is_alone(queries, self.equal).unsqueeze(1)
        yield Block(similarity.masked_fill_(is_itself, HIDDEN), rows)

    def _rank(self, vectors: Vectors, n_ranked: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The largest similarities [Q, n_ranked], falling, and their rows."""
        similarity, rows = self.index.search(vectors, n_ranked)
        return torch.from_numpy(similarity), torch.from_numpy(rows)


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


def _is_alone(rows: torch.Tensor, equal: EqualRows | None) -> torch.Tensor:
    """Whether no two images have the row, bool [Q]."""
    return torch.ones_like(rows, dtype=torch.bool) if equal is None else equal.sizes[rows] == 1


def _norms(features: torch.Tensor) -> torch.Tensor:
    """The length of each row [n, D], float32 [n]; 1 for all-zero rows."""
    norms = features.double().square().sum(dim=1).sqrt().float()
    return torch.where(norms > 0.0, norms, 1.0)


def _multiply(queries: torch.Tensor, images: torch.Tensor, *, out: torch.Tensor) -> None:
    """The inner products [Q, b] of [Q, D] and [b, D]."""
    if queries.device.type == "cpu":
        # NumPy's BLAS is the faster one on processors that torch's was not made for.
        np.matmul(queries.numpy(), images.numpy().T, out=out.numpy())
    else:
        torch.mm(queries, images.T, out=out)


def _import_faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise UclsError(
            "FAISS is not installed; install it with: pip install 'ucls[cpu]' "
            "(or 'ucls[gpu]' for CUDA; not both, they overwrite each other)"
        ) from error
    return faiss
