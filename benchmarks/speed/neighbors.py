"""The neighbour graph against the product of all features that it cannot do without."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.simulated.features import SimulatedFeatures
from benchmarks.speed.measurement import Measurement, Work, against_each, time_in_turns
from benchmarks.speed.neighbors_process import THRESHOLD, K
from ucls.neighbors.build import find_sets
from ucls.neighbors.candidates import SetRule
from ucls.neighbors.search import BlockSearch, unit_vectors

IMAGES_PER_PRODUCT = 8192

Features = npt.NDArray[np.floating]


class SearchSize(NamedTuple):
    """The size of a search."""

    n_images: int
    n_features: int
    n_clusters: int
    n_queries: int
    """Whose neighbours are searched for, among all images."""

    @property
    def cap(self) -> int:
        """N / C, the largest set."""
        return self.n_images // self.n_clusters


def simulated_features(size: SearchSize) -> npt.NDArray[np.float16]:
    """Simulated features as a cache holds them, float16 [N, D]."""
    made = SimulatedFeatures(size.n_images, size.n_clusters, size.n_features)
    features = np.empty((size.n_images, size.n_features), dtype=np.float16)
    for start in range(0, size.n_images, IMAGES_PER_PRODUCT):
        span = slice(start, min(start + IMAGES_PER_PRODUCT, size.n_images))
        features[span] = made.chunk(span)
    return features


def search_ratios(size: SearchSize, *, repeats: int) -> list[Measurement]:
    """S_x of some images, among all, against the bare product, FAISS and scikit-learn.

    FAISS and scikit-learn rank the N / C nearest, of which S_x would still have to be cut.
    """
    features = simulated_features(size)
    search = BlockSearch(features)
    queries = torch.arange(size.n_queries)
    rule = SetRule(K, THRESHOLD, max(K, size.cap))
    references = reference_searches(unit_vectors(features), size)

    name = (
        f"neighbours of {size.n_queries:,} among {size.n_images:,} simulated images, "
        f"D={size.n_features}"
    )
    return against_each(name, lambda: find_sets(search, queries, rule), references, repeats=repeats)


def reference_searches(vectors: npt.NDArray[np.float32], size: SearchSize) -> dict[str, Work]:
    """What others do with the same unit vectors [N, D]."""
    import faiss
    from sklearn.neighbors import NearestNeighbors

    index = faiss.IndexFlatIP(size.n_features)
    index.add(vectors)
    brute = NearestNeighbors(n_neighbors=size.cap, algorithm="brute", metric="cosine").fit(vectors)
    queries = vectors[: size.n_queries]
    return {
        "bare matmul": lambda: multiply(queries, vectors),
        "FAISS IndexFlatIP.search": lambda: index.search(queries, size.cap),
        "scikit-learn, brute": lambda: brute.kneighbors(queries),
    }


def multiply(queries: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32]) -> None:
    """The product of queries [Q, D] and all vectors [N, D], which is not kept."""
    for start in range(0, len(vectors), IMAGES_PER_PRODUCT):
        queries @ vectors[start : start + IMAGES_PER_PRODUCT].T


def graph_ratio(size: SearchSize) -> Measurement:
    """The whole graph, in a process of its own, against the bare product of all with all, once.

    ``peak_mb`` is that of the whole process, with Python, torch and the features.
    """
    features = simulated_features(size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.npy"
        np.save(path, features)
        figures = run_process(path, size.cap)
    vectors = unit_vectors(features)
    del features
    works = {"bare": lambda: multiply_all(vectors)}
    bare = time_in_turns(works, repeats=1, warm_up=0)["bare"]
    name = f"whole graph of {size.n_images:,} simulated images, D={size.n_features}"
    return Measurement(name, "bare matmul", [figures.pop("seconds")], bare, figures)


def multiply_all(vectors: npt.NDArray[np.float32]) -> None:
    """The product of all vectors [N, D] with all, some queries at a time."""
    for start in range(0, len(vectors), IMAGES_PER_PRODUCT):
        multiply(vectors[start : start + IMAGES_PER_PRODUCT], vectors)


def run_process(features: Path, cap: int) -> dict[str, float]:
    """Builds the graph of a file of features in a new process; its figures."""
    command = [sys.executable, "-m", "benchmarks.speed.neighbors_process", str(features), str(cap)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
