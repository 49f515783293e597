"""The neighbour graph against the product of all features that it cannot do without."""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.process import run_in_process
from benchmarks.simulated.features import SimulatedFeatures
from benchmarks.speed.measurement import Measurement, Size, Work, against_each, time_once
from ucls.neighbors import build_neighbors
from ucls.neighbors.build import find_sets
from ucls.neighbors.candidates import SetRule
from ucls.neighbors.search import BlockSearch, unit_vectors
from ucls.types import NeighborGraph

K, THRESHOLD = 50, 0.3
"""Of the thesis (5.2.5)."""
IMAGES_PER_PRODUCT = 8192

Vectors = npt.NDArray[np.float32]


def simulate(size: Size) -> SimulatedFeatures:
    """Simulated features of N images in C classes, to be read in chunks."""
    return SimulatedFeatures(size.n_images, size.n_clusters, size.n_features)


def simulated_features(size: Size) -> npt.NDArray[np.float16]:
    """Simulated features as a cache holds them, float16 [N, D]."""
    return simulate(size).chunk(slice(0, size.n_images)).astype(np.float16)


def build_graph(
    features: npt.NDArray[np.floating], cap: int, *, k: int = K, device: str = "cpu"
) -> NeighborGraph:
    """S_x of all images, with the thesis's threshold."""
    return build_neighbors(features, k=k, threshold=THRESHOLD, cap=cap, device=device)


def search_ratios(size: Size, *, repeats: int, n_queries: int = 4096) -> list[Measurement]:
    """S_x of some images against the product, and FAISS and scikit-learn that rank the nearest."""
    features = simulated_features(size)
    search, queries = BlockSearch(features), np.arange(n_queries)
    rule = SetRule(K, THRESHOLD, max(K, size.cap))
    references = reference_searches(unit_vectors(features), n_queries, size.cap)
    among = f"{size.n_images:,} simulated images, D={size.n_features}"
    ours = partial(find_sets, search, queries, rule)
    name = f"neighbours of {n_queries:,} among {among}"
    return against_each(name, ours, references, repeats=repeats)


def reference_searches(vectors: Vectors, n_queries: int, n_ranked: int) -> dict[str, Work]:
    """Ranking the N / C nearest of the first vectors [N, D], of which S_x would still be cut."""
    import faiss
    from sklearn.neighbors import NearestNeighbors

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    brute = NearestNeighbors(n_neighbors=n_ranked, algorithm="brute", metric="cosine").fit(vectors)
    queries = vectors[:n_queries]
    return {
        "bare matmul": lambda: multiply(queries, vectors),
        "FAISS IndexFlatIP.search": lambda: index.search(queries, n_ranked),
        "scikit-learn, brute": lambda: brute.kneighbors(queries),
    }


def multiply(queries: Vectors, vectors: Vectors) -> None:
    """The product of queries [Q, D] and all vectors [N, D], a block at a time; it is not kept."""
    for first in range(0, len(queries), IMAGES_PER_PRODUCT):
        for start in range(0, len(vectors), IMAGES_PER_PRODUCT):
            block = vectors[start : start + IMAGES_PER_PRODUCT]
            queries[first : first + IMAGES_PER_PRODUCT] @ block.T


def graph_ratio(size: Size) -> Measurement:
    """The whole graph, in a process with a peak of its own, against the bare product, once."""
    features = simulated_features(size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.npy"
        np.save(path, features)
        outcome = run_in_process(graph_of_file, str(path), size.cap)
    figures = outcome.result | {"peak_mb": outcome.peak_mb}
    vectors = unit_vectors(features)
    del features
    bare = time_once(lambda: multiply(vectors, vectors))
    name = f"whole graph of {size.n_images:,} simulated images, D={size.n_features}"
    return Measurement(name, "bare matmul", [figures.pop("seconds")], [bare], figures)


def graph_of_file(path: str, cap: int) -> dict[str, float]:
    """Seconds for the graph of a file of features, and sizes in megabytes of 10^6 bytes."""
    features, graphs = np.load(path), list[NeighborGraph]()
    seconds = time_once(lambda: graphs.append(build_graph(features, cap)))
    (graph,) = graphs
    n_bytes = sum(array.nbytes for array in (graph.indptr, graph.indices, graph.similarity))
    sizes = {"graph_mb": n_bytes / 1e6, "features_mb": features.nbytes / 1e6}
    return {"seconds": seconds, "mean_count": graph.mean_count, **sizes}
