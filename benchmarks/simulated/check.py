"""Thesis table 6.16 beside simulated features."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.published import load_published
from benchmarks.simulated.features import SimulatedFeatures
from ucls.neighbors.search import unit_vectors
from ucls.progress import Advance, ignore_progress
from ucls.report.table import Table

K, CAP = 50, 1285  # of table 6.16: N/C is 128,545 / 100
IMAGES_PER_PRODUCT = 8192
BOUNDS = (8.0, 2.0, 2.0)  # of the difference of a count in percent, of accuracies in points
HEADINGS = (
    "threshold", "published count", "simulated count", "diff. %", "published ACC",
    "simulated ACC", "diff. points", "simulated ACC above", "diff. points", "within",
)  # fmt: skip


class Comparison(NamedTuple):
    """The sets S_x (thesis 5.2.5) at a threshold, in the thesis, scaled to our N/C, and ours.

    A set has the images above the threshold, at least k, at most the cap; ``accuracy`` is the
    percent of these that are of the same class, over all sets together, ``accuracy_above`` that
    without those that are there for k alone.
    """

    threshold: float
    published_count: float
    published_accuracy: float
    mean_count: float
    accuracy: float
    accuracy_above: float

    @property
    def differences(self) -> tuple[float, float, float]:
        """Of the count in percent; of both accuracies in points."""
        return (
            100 * (self.mean_count / self.published_count - 1),
            self.accuracy - self.published_accuracy,
            self.accuracy_above - self.published_accuracy,
        )

    @property
    def excess(self) -> float:
        """The largest difference, as a share of its bound: within it up to 1."""
        pairs = zip(self.differences, BOUNDS, strict=True)
        return max(abs(difference) / bound for difference, bound in pairs)


def check(
    features: SimulatedFeatures,
    *,
    n_queries: int = 4096,
    seed: int = 0,
    advance: Advance = ignore_progress,
) -> list[Comparison]:
    """Compares the sets S_x of some simulated images, among all, with table 6.16.

    The thesis does not say whether its accuracies are those of the whole sets or of what is above
    the threshold, and has none where nothing is; so both are held against them. At another N/C
    than its own, k and the published counts are scaled.
    """
    rows = load_published().ablations["thresholds"].neighbors
    published = {row.threshold: row for row in rows if row.accuracy is not None}
    queries = draw_queries(features.labels, n_queries, seed)
    nearest = find_nearest(features, queries, set_cap(features), advance=advance)
    sets = describe_sets(*nearest, thresholds=list(published), k=scaled_k(features))
    scale = features.n_images / features.n_classes / CAP
    return [
        Comparison(row.threshold, row.mean_count * scale, row.accuracy or 0.0, *found)
        for row, found in zip(published.values(), sets, strict=True)
    ]


def comparison_table(rows: Sequence[Comparison]) -> Table:
    """A line for each threshold."""
    lines = []
    for row in rows:
        count, whole, above = row.differences
        cells = [f"{row.threshold:.1f}", f"{row.published_count:.1f}", f"{row.mean_count:.1f}"]
        cells += [f"{count:+.1f}", f"{row.published_accuracy:.2f}"]
        cells += [f"{row.accuracy:.2f}", f"{whole:+.2f}", f"{row.accuracy_above:.2f}"]
        lines.append([*cells, f"{above:+.2f}", "yes" if row.excess <= 1 else "NO"])
    return Table(HEADINGS, lines, n_left=0)


def set_cap(features: SimulatedFeatures) -> int:
    """The largest set: N/C."""
    return min(features.n_images // features.n_classes, features.n_images - 1)


def scaled_k(features: SimulatedFeatures) -> int:
    """As large a part of N/C as 50 is in table 6.16."""
    return max(1, round(K * features.n_images / features.n_classes / CAP))


def draw_queries(labels: npt.NDArray[np.int32], n_queries: int, seed: int) -> npt.NDArray[np.int64]:
    """Draws at most n images with each class in proportion, int64 [n], rising."""
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
) -> tuple[torch.Tensor, torch.Tensor]:
    """Finds the nearest images of each query but itself, and whether they are of its class."""
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
    return similarity, is_right


def describe_sets(
    similarity: torch.Tensor, is_right: torch.Tensor, *, thresholds: Sequence[float], k: int
) -> list[tuple[float, float, float]]:
    """Count, accuracy and accuracy above of sets from nearest images [n, cap], by threshold."""
    rights = is_right.cumsum(1)
    rights = torch.cat([torch.zeros_like(rights[:, :1]), rights], dim=1)

    def accuracy(counts: torch.Tensor) -> float:
        n_right = float(rights.gather(1, counts[:, None]).sum())
        return 100 * n_right / max(1.0, float(counts.sum())) if counts.any() else 100.0

    described = []
    for threshold in thresholds:
        above = (similarity > threshold).sum(1)
        counts = above.clamp(min=k)
        described.append((float(counts.double().mean()), accuracy(counts), accuracy(above)))
    return described
