"""Exact search among all images by cosine similarity, in bounded memory."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ucls.errors import UclsError

Features = npt.NDArray[np.floating]

QUERIES_PER_CHUNK = 4096
IMAGES_PER_BLOCK = {"cpu": 2048, "cuda": 2**15}
"""Few enough that a block of similarities, of all queries of a chunk, stays small."""
RANKED_PER_CHUNK = 2**26
HIDDEN = -torch.inf


class Block(NamedTuple):
    """Similarities of the queries of a chunk to some images."""

    similarity: torch.Tensor
    """float32 [Q, b]; that of an image to itself is ``HIDDEN``."""
    images: torch.Tensor
    """int64 [b], or [Q, b] where each query has its own."""


class Search(Protocol):
    """Ranks no images, but shows all that can be among the nearest.

    Attributes:
        n_images: N.
        n_queries: of a chunk.
        device: where the blocks are.
    """

    n_images: int
    n_queries: int
    device: torch.device

    def blocks(self, queries: torch.Tensor, n_nearest: int) -> Iterator[Block]:
        """Goes through the similarities of some images to the others.

        Args:
            queries: the images, int64 [Q], on the CPU.
            n_nearest: each query's so many nearest images have to be shown.
        """


class BlockSearch:
    """One product of queries and images after the other, on any device.

    The features stay as they are: a block of them is normalised when its turn comes, so that
    beside them there is never more than a chunk of queries and a block of images in memory.

    Args:
        features: [N, D], any scale and floating-point type.
        device: where the products are taken.
    """

    def __init__(self, features: Features, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.features = torch.from_numpy(features).to(self.device)
        self.n_images = len(features)
        self.n_queries = QUERIES_PER_CHUNK
        self._block = IMAGES_PER_BLOCK[self.device.type]
        blocks = self.features.split(self._block)  # type: ignore[no-untyped-call]
        self.norms = torch.cat([_norms(block) for block in blocks])

    def blocks(self, queries: torch.Tensor, n_nearest: int) -> Iterator[Block]:
        """See :class:`Search`; shows all images, each block in the memory of the one before."""
        queries = queries.to(self.device)
        vectors = self._unit_vectors(queries)
        products = torch.empty(len(queries) * self._block, device=self.device)
        for start in range(0, self.n_images, self._block):
            images = torch.arange(
                start, min(start + self._block, self.n_images), device=self.device
            )
            similarity = products[: len(queries) * len(images)].view(len(queries), -1)
            _multiply(vectors, self._unit_vectors(images), out=similarity)
            itself = ((queries >= start) & (queries < start + len(images))).nonzero().squeeze(1)
            similarity[itself, queries[itself] - start] = HIDDEN
            yield Block(similarity, images)

    def _unit_vectors(self, rows: torch.Tensor) -> torch.Tensor:
        # Neighbouring rows are a view, which the conversion alone copies.
        is_span = len(rows) == rows[-1] - rows[0] + 1
        part: Any = slice(int(rows[0]), int(rows[-1]) + 1) if is_span else rows
        return self.features[part].to(torch.float32, copy=True).div_(self.norms[part].unsqueeze(1))


class FaissSearch:
    """Search on the CPU with FAISS, which keeps a normalised copy of all features.

    Args:
        features: [N, D], any scale.

    Raises:
        UclsError: if FAISS is not installed.
    """

    def __init__(self, features: Features) -> None:
        faiss = _import_faiss()
        self.device = torch.device("cpu")
        self.vectors = unit_vectors(features)
        self.index = faiss.IndexFlatIP(self.vectors.shape[1])
        self.index.add(self.vectors)
        self.n_images = len(features)
        self.n_queries = max(1, RANKED_PER_CHUNK // self.n_images)

    def blocks(self, queries: torch.Tensor, n_nearest: int) -> Iterator[Block]:
        """See :class:`Search`; shows the nearest images alone."""
        # One more, since an image itself can be among them, and one that tells of a cut.
        n_ranked = min(n_nearest + 2, self.n_images)
        ranking = self.index.search(self.vectors[queries.numpy()], n_ranked)
        similarity, images = (torch.from_numpy(array) for array in ranking)
        similarity[images == queries.unsqueeze(1)] = HIDDEN
        yield Block(similarity, images)


def unit_vectors(features: Features) -> npt.NDArray[np.float32]:
    """L2-normalises the rows of ``features`` [N, D]; all-zero rows stay zero."""
    vectors: npt.NDArray[np.float32] = np.array(features, dtype=np.float32, order="C")
    # Letters: n images, d features. Unlike numpy.linalg.norm this makes no copy of the matrix,
    # and float64 neither overflows nor underflows.
    squares = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    vectors /= np.maximum(np.sqrt(squares), np.finfo(np.float64).tiny)[:, None]
    return vectors


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
