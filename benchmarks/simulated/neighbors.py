"""How many neighbours some images have among all, and how many of these are right."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.simulated.features import SimulatedFeatures
from ucls.progress import Advance, ignore_progress
from ucls.search import unit_vectors

IMAGES_PER_PRODUCT = 8192


class Sets(NamedTuple):
    """The sets S_x of some images (thesis 5.2.5), at one threshold."""

    mean_count: float
    """Images in a set: those above the threshold, at least k, at most the cap."""
    accuracy: float
    """Share of these that are of the same class, 0..1, over all sets together."""
    accuracy_above: float
    """The same without those that are there for k alone; 1 if nothing is above the threshold."""


class Nearest(NamedTuple):
    """The images most similar to each query, nearest first."""

    similarity: torch.Tensor
    """float32 [n, K]."""
    is_right: torch.Tensor
    """Whether they are of the query's class, bool [n, K]."""


def draw_queries(labels: npt.NDArray[np.int32], n_queries: int, seed: int) -> npt.NDArray[np.int64]:
    """Draws at most n images with each class in proportion, int64 [n], rising.

    The labels are int32 [N]; the same seed draws the same.
    """
    n_queries = min(n_queries, len(labels))
    drawn = np.random.default_rng(seed).permutation(len(labels))
    by_class = drawn[np.argsort(labels[drawn], kind="stable")]
    places = (np.arange(n_queries) + 0.5) * len(labels) / n_queries
    return np.sort(by_class[places.astype(np.int64)])


def find_nearest(
    features: SimulatedFeatures,
    queries: npt.NDArray[np.int64],
    n_nearest: int,
    *,
    advance: Advance = ignore_progress,
) -> Nearest:
    """Finds the nearest images of each query, itself left out, a chunk of images at a time.

    Args:
        features: all N images.
        queries: rows, int64 [n].
        n_nearest: K, less than N.
        advance: told of every image compared.
    """
    labels = torch.from_numpy(features.labels)
    vectors = torch.from_numpy(unit_vectors(features.chunk(queries)))
    wanted = labels[queries][:, None]
    similarity = torch.empty((len(queries), 0))
    is_right = torch.empty((len(queries), 0), dtype=torch.bool)
    for start in range(0, features.n_images, IMAGES_PER_PRODUCT):
        rows = slice(start, min(start + IMAGES_PER_PRODUCT, features.n_images))
        found = vectors @ torch.from_numpy(unit_vectors(features.chunk(rows))).T
        here = np.flatnonzero((queries >= rows.start) & (queries < rows.stop))
        found[here, queries[here] - start] = -torch.inf
        similarity = torch.cat([similarity, found], dim=1)
        is_right = torch.cat([is_right, labels[rows] == wanted], dim=1)
        similarity, places = similarity.topk(min(n_nearest, similarity.shape[1]), dim=1)
        is_right = is_right.gather(1, places)
        advance(rows.stop - rows.start)
    return Nearest(similarity, is_right)


def describe_sets(nearest: Nearest, thresholds: Sequence[float], *, k: int) -> list[Sets]:
    """Describes the sets S_x at each threshold.

    Args:
        nearest: as many images as the cap of a set.
        thresholds: cosine similarities.
        k: images that every set has, at most the cap.
    """
    rights = nearest.is_right.cumsum(1)
    rights = torch.cat([torch.zeros_like(rights[:, :1]), rights], dim=1)

    def accuracy(counts: torch.Tensor) -> float:
        n_right = float(rights.gather(1, counts[:, None]).sum())
        return n_right / max(1.0, float(counts.sum())) if counts.any() else 1.0

    described = []
    for threshold in thresholds:
        above = (nearest.similarity > threshold).sum(1)
        counts = above.clamp(min=k)
        described.append(Sets(float(counts.double().mean()), accuracy(counts), accuracy(above)))
    return described
