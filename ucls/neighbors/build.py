"""Exact adaptive nearest-neighbour sets (thesis 5.2.5)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from ucls.errors import UsageError
from ucls.neighbors.candidates import Candidates, SetRule, Sets
from ucls.neighbors.equal_rows import find_equal_rows
from ucls.neighbors.search import BlockSearch, FaissSearch, Features, Search
from ucls.progress import Advance, ignore_progress
from ucls.types import NeighborGraph

THRESHOLD_OFF = 1.0
TYPICAL_SAMPLE = 4096


def build_neighbors(
    features: Features,
    *,
    k: int,
    threshold: float | Literal["typical"],
    cap: int | None = None,
    cap_keeps: Literal["nearest", "sample"] = "nearest",
    backend: Literal["torch", "faiss"] = "torch",
    device: str = "cpu",
    seed: int = 0,
    advance: Advance = ignore_progress,
) -> NeighborGraph:
    """Builds S_x for every image: its k nearest, and all above a cosine threshold, up to a cap.

    Images with the very same features are equally similar to any other, and of equally similar
    images the first are the nearest. Similarities that are equal but for rounding, as those of x
    and 3x, are not taken for equal. A row of zeros has similarity 0 to all.

    Args:
        features: float16 or wider [N, D], any scale, finite; they are not changed.
        k: neighbours that every image gets, whatever the cap.
        threshold: cosine similarity in [-1, 1] above which, not at which, an image joins; 1 means
            never, ``typical`` the median similarity of an image to its k-th neighbour.
        cap: largest size of S_x; None for no limit.
        cap_keeps: keep the ``nearest`` members of a capped set, or a uniform ``sample`` of all of
            them, which need not hold the k nearest.
        backend: ``torch`` (any device; little more memory than the graph takes) or ``faiss`` (CPU);
            the answer is the same.
        device: where the torch backend computes.
        seed: for ``cap_keeps="sample"``.
        advance: told of every finished image.

    Returns:
        The graph, without self, each row by falling similarity.

    Raises:
        UsageError: if k is not in 1..N-1 or ``features`` is not a matrix of finite numbers.
        UclsError: if FAISS is asked for and not installed.
    """
    if features.ndim != 2 or features.shape[1] == 0:
        raise UsageError(f"features must be a matrix [N, D], but their shape is {features.shape}")
    n_images = len(features)
    if not 1 <= k < n_images:
        raise UsageError(
            f"neighbors.k must be between 1 and {n_images - 1} for {n_images:,} images, "
            f"but it is {k}; choose a smaller k"
        )
    equal = find_equal_rows(features)
    search: Search = (
        FaissSearch(features, equal) if backend == "faiss" else BlockSearch(features, device, equal)
    )
    if threshold == "typical":
        threshold = typical_similarity(search, k)
    limit = n_images - 1 if cap is None else min(max(cap, k), n_images - 1)
    rule = SetRule(k, threshold, limit, seed if cap_keeps == "sample" else None)
    if threshold >= THRESHOLD_OFF:
        rule = SetRule(k, float("inf"), k)
    growing = _GrowingGraph()
    for queries in _chunks(torch.arange(n_images), search):
        growing.append(find_sets(search, queries, rule))
        advance(len(queries))
    return NeighborGraph(
        indptr=np.concatenate([[0], np.cumsum(growing.counts)]).astype(np.int64),
        indices=growing.indices,
        similarity=growing.similarity,
        k=k,
        threshold=threshold,
        cap=None if cap is None else limit,
        n_capped=growing.n_capped,
        backend=backend,
        exact=True,
    )


def find_sets(search: Search, queries: torch.Tensor, rule: SetRule) -> Sets:
    """S_x of some images, int64 [Q]."""
    queries, equal = queries.to(search.device), search.equal
    candidates = Candidates(queries, rule, equal)
    # A sample is one of all members.
    n_nearest = rule.limit if rule.sample_seed is None else search.n_images - 1
    rows = queries if equal is None else equal.row_of[queries]
    for block in search.blocks(rows, n_nearest):
        candidates.add(block)
    return candidates.sets()


def typical_similarity(search: Search, k: int) -> float:
    """The median similarity of an image to its k-th neighbour, over an even sample."""
    step = max(1, search.n_images // TYPICAL_SAMPLE)
    sample = torch.arange(0, search.n_images, step)
    rule = SetRule(k, float("inf"), k)
    kth = [
        find_sets(search, queries, rule).similarity.view(-1, k)[:, -1].cpu()
        for queries in _chunks(sample, search)
    ]
    return float(np.median(torch.cat(kth).numpy()))


def _chunks(images: torch.Tensor, search: Search) -> Sequence[torch.Tensor]:
    chunks: Sequence[torch.Tensor] = torch.split(images, search.n_queries)
    return chunks


class _GrowingGraph:
    """The arrays of a graph, which grow in place: a list of parts would be copied in the end."""

    def __init__(self) -> None:
        self.counts: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.indices: npt.NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.similarity: npt.NDArray[np.float16] = np.empty(0, dtype=np.float16)
        self.n_capped = 0

    def append(self, sets: Sets) -> None:
        """Adds the next rows."""
        for array, new in (
            (self.counts, sets.counts),
            (self.indices, sets.images),
            (self.similarity, sets.similarity),
        ):
            n_old = len(array)
            array.resize(n_old + len(new), refcheck=False)
            array[n_old:] = new.cpu().numpy()
        self.n_capped += int(sets.capped.sum())
