"""The labels of a run as other programs take them: row by row, and what the clusters are."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ucls.runs.image_files import image_files
from ucls.runs.image_labels import ImageLabels
from ucls.runs.run import Run

if TYPE_CHECKING:
    from ucls.runs.classifier import Classifier

COLUMNS = ("path", "split", "cluster", "name", "confidence", "probability", "found")


@dataclass(frozen=True)
class LabelTable:
    """The labels of a run and, where wanted, more about each image.

    Attributes:
        run: whose they are.
        labels: of all images.
        with_shares: whether the classifier's probability of every cluster is wanted.
    """

    run: Run
    labels: ImageLabels
    with_shares: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def share_names(self) -> tuple[str, ...]:
        """The heading of each share; none if they are not wanted."""
        numbers = self._classifier.share_numbers if self.with_shares else []
        return tuple("share_wrong" if k < 0 else f"share_{k}" for k in numbers)

    @property
    def columns(self) -> tuple[str, ...]:
        """The heading of each column."""
        return COLUMNS + self.share_names

    def clusters(self) -> list[dict[str, Any]]:
        """Number, name and size of each cluster, also of empty ones."""
        sizes = self.labels.sizes()
        n_clusters = max(self.run.n_clusters, *(cluster + 1 for cluster in sizes))
        return [
            {"number": k, "name": self.labels.name_of(k), "size": sizes.get(k, 0)}
            for k in range(n_clusters)
        ]

    def names(self) -> list[str]:
        """The name of each image's cluster; empty for those in none."""
        labels = self.labels
        return [labels.name_of(k) if k >= 0 else "" for k in labels.clusters.tolist()]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The cells of each image, in the order of :data:`COLUMNS`; shares are rounded."""
        labels = self.labels
        return zip(
            labels.paths,
            labels.splits,
            labels.clusters.tolist(),
            self.names(),
            rounded(labels.confidence),
            rounded(labels.probability),
            labels.found.tolist(),
            strict=True,
        )

    def shares(self) -> Iterator[NDArray[np.float32]]:
        """The classifier's probability of every cluster, some images at a time: [n, C]."""
        for split in self.run.splits:
            with self.run.features(split) as cache:
                yield from self._classifier.shares(cache.table(self._classifier.feature_set))

    def shares_by_row(self) -> Iterator[list[float]]:
        """The rounded shares of each image; none if they are not wanted."""
        if not self.with_shares:
            return repeat([], len(self))
        return chain.from_iterable(map(rounded, self.shares()))

    @cached_property
    def _classifier(self) -> "Classifier":
        from ucls.runs.classifier import load_classifier

        return load_classifier(self.run.folder, corrected=True)

    def files(self) -> list[str]:
        """The absolute path of each image.

        Raises:
            UsageError: if the run's images are no files of their own.
        """
        found = [""] * len(self)
        for split in self.run.splits:
            rows = self.labels.rows_of(split).tolist()
            paths = [self.labels.paths[row] for row in rows]
            for row, file in zip(rows, image_files(self.run, split, paths).files, strict=True):
                found[row] = file
        return found


def rounded(shares: NDArray[np.float32]) -> Any:
    """Shares in 0..1 as Python's numbers of four digits, in lists nested like the array."""
    return np.round(shares.astype(np.float64), 4).tolist()
