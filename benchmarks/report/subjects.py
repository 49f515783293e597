"""Runs to be shown: of drawn photographs, and of as many rows as wanted."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.report.drawing import draw
from ucls import pipeline
from ucls.cache import (
    Assignments,
    FeatureCache,
    FeatureCacheWriter,
    read_assignments,
    read_consensus,
    read_graph,
    write_assignments,
    write_consensus,
    write_graph,
)
from ucls.cache import run_files as files
from ucls.config import Config
from ucls.runs.image_labels import ImageLabels, read_labels, write_labels
from ucls.runs.run import Run
from ucls.types import NeighborGraph

SIZE = (512, 384)
"""Pixels of a photograph."""
KINDS = 20
"""Of photographs, and clusters that are asked for."""
ROWS_AT_ONCE = 100_000


def photograph_run(folder: Path, n_images: int) -> Path:
    """A quick run on drawn JPEGs of 20 kinds, by their pixels."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(n_images):
        # Drawn at half the size, which takes a sixth of the time.
        drawn = draw(number % KINDS, rng, (SIZE[0] // 2, SIZE[1] // 2))
        drawn.resize(SIZE).save(photos / f"{number:07d}.jpg", quality=88)
    settings = {"n_clusters": KINDS, "effort": "quick", "extract.backbone": "pixels"}
    config = Config().with_values({**settings, "extract.image_size": 16})
    return pipeline.run(
        str(photos), out=folder / "run", cache_dir=folder / "cache", config=config
    ).path


def large_run(folder: Path, n_images: int, *, n_clusters: int = 100) -> Path:
    """A quick run on made-up features, then made as large as wanted by repeating its images.

    A page is made of a run's files; that these hold one small run again and again changes none of
    what it takes to read, count and sample them.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n_clusters, 32))
    small = 50 * n_clusters
    features = np.repeat(centres, 50, axis=0) + 0.3 * rng.normal(size=(small, 32))
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "features.npy", features.astype(np.float32))
    config = Config().with_values({"n_clusters": n_clusters, "effort": "quick"})
    path = pipeline.run(
        str(folder / "features.npy"), out=folder / "run", cache_dir=folder / "cache", config=config
    ).path
    _repeat(Run(path), max(1, n_images // small))
    return path


def _repeat(run: Run, times: int) -> None:
    labels = read_labels(run)
    name = run.folder.file
    (cache,) = run.caches["train"].values()
    _repeat_features(cache, times)
    write_graph(name(files.NEIGHBORS), _repeat_graph(read_graph(name(files.NEIGHBORS)), times))
    trained = read_assignments(name(files.ASSIGNMENTS))
    whole = {split: np.tile(own, times) for split, own in trained.labels.items()}
    sure = {split: np.tile(own, times) for split, own in trained.confidence.items()}
    assignments = Assignments(whole, sure, trained.loss, trained.n_clusters, trained.head_clusters)
    write_assignments(name(files.ASSIGNMENTS), assignments)
    entries, chosen = read_consensus(name(files.CONSENSUS))
    tiled = [
        replace(
            entry,
            labels={split: np.tile(own, times) for split, own in entry.labels.items()},
            confidence={split: np.tile(own, times) for split, own in entry.confidence.items()},
        )
        for entry in entries.values()
    ]
    write_consensus(name(files.CONSENSUS), tiled, chosen=chosen)
    n_images = times * len(labels)
    tiled_labels = ImageLabels(
        paths=[f"features/{row:08d}" for row in range(n_images)],
        splits=["train"] * n_images,
        clusters=np.tile(labels.clusters, times),
        confidence=np.tile(labels.confidence, times),
        probability=np.tile(labels.probability, times),
        found=np.tile(labels.found, times),
    )
    write_labels(run, tiled_labels)


def _repeat_features(path: Path, times: int) -> None:
    with FeatureCache(path) as cache:
        spec, provenance, features = cache.spec, cache.provenance, cache.read("cls")
    rng = np.random.default_rng(1)
    n_images = times * len(features)
    with FeatureCacheWriter(path, spec, n_images, provenance=provenance, overwrite=True) as writer:
        for start in range(0, n_images, len(features)):
            rows = features + 0.01 * rng.normal(size=features.shape).astype(np.float32)
            names = [f"features/{row:08d}" for row in range(start, start + len(features))]
            writer.append(rows[None, :, None], None, names)
        writer.finish()


def _repeat_graph(graph: NeighborGraph, times: int) -> NeighborGraph:
    n_images, n_edges = graph.n_images, len(graph.indices)
    starts = np.repeat(np.arange(times) * n_images, n_edges).astype(np.int32)
    ends = [graph.indptr[1:] + number * n_edges for number in range(times)]
    return replace(
        graph,
        indptr=np.concatenate([[0], *ends]),
        indices=np.tile(graph.indices, times) + starts,
        similarity=np.tile(graph.similarity, times),
    )
