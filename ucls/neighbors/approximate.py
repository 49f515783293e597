"""Approximate search with FAISS, for more images than exact search has time for.

Images are put into lists by the nearest of some centres, and a query looks into a few lists alone:
an inverted file (Johnson, Douze, Jegou: Billion-scale similarity search with GPUs, 2019).

Shapes: N images, D features, Q queries.
"""

import math
import time
from collections.abc import Iterator

import numpy as np

from ucls.neighbors.build import find_sets
from ucls.neighbors.candidates import SetRule, Sets, join
from ucls.neighbors.equal_rows import EqualRows
from ucls.neighbors.search import (
    HIDDEN,
    Block,
    BlockSearch,
    Rows,
    Search,
    Show,
    Vectors,
    import_faiss,
    unit_vectors,
)
from ucls.tables import CHUNK, AnyFeatures, RowTable

LISTS_PER_ROOT = 4
"""Lists are so many times the root of N, as FAISS advises."""
TRAINED_PER_LIST = 40
FEWEST_PROBES = 8
ENOUGH = 0.95
"""Share of the nearest neighbours that is to be found; more lists are looked into until it is."""
SAMPLE = 1024
"""Queries that this is measured on."""
MOST_RANKED = 4096
"""Neighbours that are looked for at most."""
QUERIES = 4096
TIMED_IMAGES, TIMED_QUERIES = 2**14, 512


class IvfSearch:
    """Search in a few lists of FAISS.

    Vectors are held in half precision, or by 8 bits a value where the features are on disk.

    Args:
        features: [N, D], any scale, finite.
        k: neighbours that each image gets at least.
        seed: of the sample that the centres are trained on.

    Attributes:
        n_probe: lists that are looked into.

    Raises:
        UclsError: if FAISS is not installed.
        UsageError: if a value is not finite.
    """

    equal: EqualRows | None = None
    n_queries = QUERIES

    def __init__(self, features: AnyFeatures, *, k: int, seed: int = 0) -> None:
        faiss = import_faiss()
        self.n_images, self._features, self._k = len(features), features, k
        most = self.n_images // TRAINED_PER_LIST
        self.n_lists = max(1, min(LISTS_PER_ROOT * math.isqrt(self.n_images), most))
        self.n_probe = min(FEWEST_PROBES, self.n_lists)
        width = features.shape[1]
        quantizer = faiss.ScalarQuantizer
        kind = quantizer.QT_8bit if isinstance(features, RowTable) else quantizer.QT_fp16
        self._centres = faiss.IndexFlatIP(width)
        self._index = faiss.IndexIVFScalarQuantizer(
            self._centres, width, self.n_lists, kind, faiss.METRIC_INNER_PRODUCT
        )
        self._parameters = faiss.SearchParametersIVF
        n_trained = min(self.n_images, TRAINED_PER_LIST * self.n_lists)
        rows = np.random.default_rng(seed).choice(self.n_images, n_trained, replace=False)
        self._index.train(self._unit_vectors(np.sort(rows)))
        for start in range(0, self.n_images, CHUNK):
            self._index.add(unit_vectors(features[start : start + CHUNK]))

    def blocks(self, queries: Rows, n_nearest: int) -> Iterator[Show]:
        """See :class:`ucls.neighbors.search.Search`; shows the nearest in a few lists."""
        n_ranked = min(n_nearest, MOST_RANKED, self.n_images - 1) + 1
        similarity, rows = self._rank(self._unit_vectors(queries), n_ranked, self.n_probe)
        similarity[(rows == queries[:, None]) | (rows < 0)] = HIDDEN
        yield lambda part: Block(similarity[part], rows[part].clip(min=0))

    def _rank(self, vectors: Vectors, n_ranked: int, n_probe: int) -> tuple[Vectors, Rows]:
        """The largest similarities, falling, and their rows; -1 where lists hold no more."""
        parameters = self._parameters(nprobe=n_probe)
        similarity, rows = self._index.search(vectors, n_ranked, params=parameters)
        # One of them can be the query itself.
        is_short = rows[:, min(self._k, n_ranked - 1)] < 0
        if is_short.any() and n_probe < self.n_lists:
            wider = self._rank(vectors[is_short], n_ranked, min(2 * n_probe, self.n_lists))
            similarity[is_short], rows[is_short] = wider
        return similarity, rows

    def _unit_vectors(self, rows: Rows) -> Vectors:
        return unit_vectors(self._features[rows])


def approximate_search(
    features: AnyFeatures, *, k: int, device: str, seed: int = 0
) -> tuple[IvfSearch, float]:
    """An approximate search that finds enough of the k nearest, and the share that it finds.

    Arguments and errors are those of :class:`IvfSearch`; ``device`` is where a sample of the
    queries is searched for exactly.
    """
    search = IvfSearch(features, k=k, seed=seed)
    queries = np.unique(np.linspace(0, len(features) - 1, SAMPLE).astype(np.int64))
    nearest = _nearest(BlockSearch(features, device), queries, k)
    recall = _share_found(_nearest(search, queries, k), nearest)
    while recall < ENOUGH and search.n_probe < search.n_lists:
        search.n_probe = min(2 * search.n_probe, search.n_lists)
        recall = _share_found(_nearest(search, queries, k), nearest)
    return search, recall


def exact_seconds(features: AnyFeatures, device: str) -> float:
    """About how long exact search takes, by some queries among some images."""
    search = BlockSearch(features[:TIMED_IMAGES], device)
    queries = np.arange(min(TIMED_QUERIES, search.n_images))
    started = time.perf_counter()
    _nearest(search, queries, 1)
    seconds = time.perf_counter() - started
    return seconds * len(features) ** 2 / (len(queries) * search.n_images)


def _nearest(search: Search, queries: Rows, k: int) -> Sets:
    return join(find_sets(search, queries, SetRule(k, float("inf"), k))[0])


def _share_found(found: Sets, exact: Sets) -> float:
    """The share of the exact neighbours that was found; each has k of both."""
    k = int(exact.counts[0])
    both = zip(found.images.reshape(-1, k), exact.images.reshape(-1, k), strict=True)
    hits = [len(np.intersect1d(one, other)) for one, other in both]
    return sum(hits) / exact.images.size
