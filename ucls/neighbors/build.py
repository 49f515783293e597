"""Exact adaptive nearest-neighbour sets (thesis 5.2.5)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import torch

from ucls.errors import UsageError
from ucls.neighbors.candidates import Candidates, SetRule, Sets, join
from ucls.neighbors.equal_rows import find_equal_rows
from ucls.neighbors.search import BlockSearch, FaissSearch, Rows, Search, Show
from ucls.progress import Advance, ignore_progress
from ucls.ranks import agreed, everywhere, for_all, own_share, world_size
from ucls.tables import AnyFeatures
from ucls.types import NeighborGraph

THRESHOLD_OFF = 1.0
TYPICAL_SAMPLE = 4096
QUERIES_PER_PART = 512


def build_neighbors(
    features: AnyFeatures,
    *,
    k: int,
    threshold: float | Literal["typical"],
    cap: int | None = None,
    cap_keeps: Literal["nearest", "sample"] = "nearest",
    backend: Literal["torch", "faiss"] = "torch",
    device: str = "cpu",
    search: Search | None = None,
    seed: int = 0,
    advance: Advance = ignore_progress,
) -> NeighborGraph:
    """Builds S_x for every image: its k nearest, and all above a cosine threshold, up to a cap.

    Images with the very same features are equally similar to any other, and of equally similar
    images the first are the nearest. Similarities that are equal but for rounding, as those of x
    and 3x, are not taken for equal. A row of zeros has similarity 0 to all.

    Args:
        features: float16 or wider [N, D], any scale, finite; they are not changed. From a table,
            little of them is in memory at a time.
        k: neighbours that every image gets, whatever the cap.
        threshold: cosine similarity in [-1, 1] above which, not at which, an image joins; 1 means
            never, ``typical`` the median similarity of an image to its k-th neighbour.
        cap: largest size of S_x; None for no limit.
        cap_keeps: keep the ``nearest`` members of a capped set, or a uniform ``sample`` of all of
            them, which need not hold the k nearest.
        backend: ``torch`` (any device; little more memory than the graph takes) or ``faiss`` (CPU);
            the answer is the same.
        device: where the torch backend computes.
        search: what finds neighbours in place of a backend; None for one that is exact.
        seed: for ``cap_keeps="sample"``.
        advance: told of every finished image.

    Processes that share it (torchrun) search for some of the images each; all have the graph.

    Returns:
        The graph, without self, each row by falling similarity.

    Raises:
        UsageError: if k is not in 1..N-1 or ``features`` is not a matrix of finite numbers.
        UclsError: if FAISS is asked for and not installed.

    Example:
        >>> import numpy as np
        >>> from ucls.neighbors import build_neighbors
        >>> features = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)
        >>> graph = build_neighbors(features, k=1, threshold=0.9)
        >>> [graph.row(number)[0].tolist() for number in range(4)]
        [[1], [0], [3], [2]]
    """
    if features.ndim != 2 or features.shape[1] == 0:
        raise UsageError(f"features must be a matrix [N, D], but their shape is {features.shape}")
    n_images = len(features)
    if not 1 <= k < n_images:
        raise UsageError(
            f"neighbors.k must be between 1 and {n_images - 1} for {n_images:,} images, "
            f"but it is {k}; choose a smaller k"
        )
    search = search or _exact_search(features, backend, device)
    limit = n_images - 1 if cap is None else min(max(cap, k), n_images - 1)
    sample, of_sample = np.arange(0), None
    if threshold == "typical":
        sample = np.arange(0, n_images, max(1, n_images // TYPICAL_SAMPLE))
        of_sample, threshold = agreed(partial(_typical, search, sample, SetRule(k, None, limit)))
    rule = SetRule(k, threshold, limit)
    if threshold >= THRESHOLD_OFF:
        rule = SetRule(k, float("inf"), k)
    if cap_keeps == "sample":
        rule, of_sample = rule._replace(sample_seed=seed), None
    growing, advance_all = _GrowingGraph(), for_all(advance, world_size())
    # Each process may have other threads, and so other chunks; the shares have to fit together.
    n_queries = agreed(lambda: search.n_queries)
    for start in own_share(range(0, n_images, n_queries)):
        images = np.arange(start, min(start + n_queries, n_images))
        if of_sample is None:
            growing.append(find_sets(search, images, rule)[0])
        else:
            growing.append([_joined(search, images, rule, sample, of_sample)])
        advance_all(len(images))
    growing = _GrowingGraph.of(everywhere(growing))
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


def _exact_search(features: AnyFeatures, backend: str, device: str) -> Search:
    equal = find_equal_rows(features)
    if backend == "faiss":
        return FaissSearch(features, equal)
    return BlockSearch(features, device, equal)


def find_sets(search: Search, queries: Rows, rule: SetRule) -> tuple[list[Sets], float]:
    """S_x of some images [Q], in parts, and the threshold that it was made with."""
    spans = [slice(i, i + QUERIES_PER_PART) for i in range(0, len(queries), QUERIES_PER_PART)]
    parts = [Candidates(queries[span], rule, search.equal) for span in spans]
    # A sample is one of all members.
    n_nearest = rule.limit if rule.sample_seed is None else search.n_images - 1
    rows = queries if search.equal is None else search.equal.row_of[queries]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for show in search.blocks(rows, n_nearest):
            if rule.threshold is None:
                blocks = list(pool.map(show, spans))
                list(pool.map(Candidates.look_at, parts, blocks))
                _raise_threshold(parts)
                list(pool.map(Candidates.add, parts, blocks))
            else:
                list(pool.map(_take, parts, spans, repeat(show)))
        threshold = rule.threshold
        if threshold is None:
            list(pool.map(Candidates.thin_out, parts))
            threshold = _raise_threshold(parts)
        return list(pool.map(Candidates.sets, parts)), threshold


def _typical(search: Search, sample: Rows, rule: SetRule) -> tuple[Sets, float]:
    """S_x of some images, and the threshold that is typical of them."""
    parts, threshold = find_sets(search, sample, rule)
    return join(parts), threshold


def _take(part: Candidates, queries: slice, show: Show) -> None:
    part.add(show(queries))


def _raise_threshold(parts: Sequence[Candidates]) -> float:
    """The median similarity to the k-th neighbour so far; it only rises."""
    threshold = float(np.median(np.concatenate([part.kth for part in parts])))
    for part in parts:
        part.threshold = threshold if threshold < THRESHOLD_OFF else float("inf")
    return threshold


def _joined(search: Search, images: Rows, rule: SetRule, sample: Rows, of_sample: Sets) -> Sets:
    """S_x of images [Q], of which some are in the sample and have theirs already."""
    others, here = np.setdiff1d(images, sample), np.flatnonzero(np.isin(sample, images))
    if len(others) == 0:
        return of_sample.rows(here)
    both = join([*find_sets(search, others, rule)[0], of_sample.rows(here)])
    return both.rows(np.argsort(np.concatenate([others, sample[here]])))


class _GrowingGraph:
    """The arrays of a graph, which grow in place: a list of parts would be copied in the end."""

    def __init__(self) -> None:
        self.counts: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.indices: npt.NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.similarity: npt.NDArray[np.float16] = np.empty(0, dtype=np.float16)
        self.n_capped = 0

    @classmethod
    def of(cls, parts: Sequence[Self]) -> Self:
        """The rows of several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        joined = cls()
        joined.counts = np.concatenate([part.counts for part in parts])
        joined.indices = np.concatenate([part.indices for part in parts])
        joined.similarity = np.concatenate([part.similarity for part in parts])
        joined.n_capped = sum(part.n_capped for part in parts)
        return joined

    def append(self, parts: Sequence[Sets]) -> None:
        """Adds the next rows."""
        counts, images, similarity, capped = zip(*parts, strict=True)
        for array, new in (
            (self.counts, counts),
            (self.indices, images),
            (self.similarity, similarity),
        ):
            n_old = len(array)
            array.resize(n_old + sum(map(len, new)), refcheck=False)
            np.concatenate(new, out=array[n_old:])
        self.n_capped += int(np.concatenate(capped).sum())
