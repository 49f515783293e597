"""A finished run in Python: arrays of its labels, and a summary that notebooks show."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ucls.report.summary import summary_html
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.label_table import LabelTable
from ucls.runs.run import Run
from ucls.types import Labels


@dataclass(frozen=True)
class Finished:
    """A finished run; N images of all splits, the training images first, C clusters.

    What could not be read, and rows of zeros, have no label and are not among the N images;
    ``rows`` tells where the others lie in the source. Labels are those when they are first asked
    for, as corrected if they were.

    Attributes:
        path: the run folder.
        figures: what ``metrics.json`` holds.
        alternatives: other clusterings of the same images, where any were asked for and hold.
    """

    path: Path
    figures: dict[str, Any] = field(repr=False)
    alternatives: tuple["Finished", ...] = ()

    @property
    def labels(self) -> Labels:
        """The cluster of each image, int32 [N]; -1 for what was marked as wrong."""
        return self._labels.clusters

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """The share of the heads that put each image into its found cluster, float32 [N]."""
        return self._labels.confidence

    @property
    def paths(self) -> list[str]:
        """What each image is called: N paths, or names of rows."""
        return self._labels.paths

    @property
    def splits(self) -> list[str]:
        """N names, ``train`` or ``val``."""
        return self._labels.splits

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """The place of each image in its split of the source, such as its row in an array, [N]."""
        rows = []
        for split in self._run.splits:
            with self._run.features(split) as features:
                rows.append(features.image_numbers())
        return np.concatenate(rows)

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float32]:
        """What the classifier gives each cluster, float32 [N, C], in the order of their numbers."""
        table = LabelTable(self._run, self._labels, with_shares=True)
        is_cluster = [name != "share_wrong" for name in table.share_names]
        return np.concatenate(list(table.shares()))[:, is_cluster]

    @cached_property
    def _run(self) -> Run:
        return Run(self.path)

    @cached_property
    def _labels(self) -> ImageLabels:
        return read_labels(self._run)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return summary_html(self._run, self._labels)
