"""What ``labels.csv`` says of the images of a run, as found and as corrected."""

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ucls.cache import run_files as files
from ucls.cache import write_csv
from ucls.cache.files import REWRITE
from ucls.errors import UsageError
from ucls.runs.run import Run
from ucls.types import Labels

COLUMNS = ("path", "split", "cluster", "confidence", "probability")
OF_CORRECTED = ("name", "found")
"""Columns that a corrected ``labels.csv`` has beside the others."""


@dataclass(frozen=True, eq=False)
class ImageLabels:
    """The labels of the N images of all splits, the training images first.

    Attributes:
        paths: N ids; a path names one image of its split.
        splits: N names, ``train`` or ``val``.
        clusters: int32 [N], as corrected; -1 for images in no cluster, be they outliers or marked
            as wrong.
        confidence: share of the heads that put the image into its found cluster, float32 [N];
            an outlier into the nearest.
        probability: what the classifier gives that cluster, float32 [N].
        found: int32 [N], as the run found them; -1 for outliers.
        names: the given name of each cluster that has one.
    """

    paths: list[str]
    splits: list[str]
    clusters: Labels
    confidence: NDArray[np.float32]
    probability: NDArray[np.float32]
    found: Labels
    names: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    def name_of(self, cluster: int) -> str:
        """The given name of a cluster, or its number."""
        return self.names.get(cluster, str(cluster))

    def rows_of(self, split: str) -> NDArray[np.int64]:
        """The rows of a split, int64."""
        return np.flatnonzero(np.asarray(self.splits) == split)

    def sizes(self) -> dict[int, int]:
        """Images of each cluster that has any, by its number."""
        numbers, sizes = np.unique(self.clusters[self.clusters >= 0], return_counts=True)
        return dict(zip(numbers.tolist(), sizes.tolist(), strict=True))

    @property
    def n_outliers(self) -> int:
        """Images that belong to no cluster, and were put into none by hand."""
        return int(((self.clusters < 0) & (self.found < 0)).sum())

    @property
    def n_wrong(self) -> int:
        """Images that were marked as wrong."""
        return int(((self.clusters < 0) & (self.found >= 0)).sum())

    @property
    def fingerprint(self) -> str:
        """Tells the found labels from others, 16 hexadecimal digits."""
        digest = hashlib.sha256(self.found.astype("<i4").tobytes())
        digest.update("\0".join(self.paths).encode(errors="surrogateescape"))
        return digest.hexdigest()[:16]

    @property
    def is_corrected(self) -> bool:
        """Whether anything differs from what was found, or has a name."""
        return bool(self.names) or not np.array_equal(self.clusters, self.found)


def read_labels(run: Run) -> ImageLabels:
    """Reads ``labels.csv``.

    Raises:
        UsageError: if the file is damaged.
        UclsError: if the run is not labelled yet.
    """
    run.freshness.require("self-train")
    path = run.folder.file(files.LABELS)
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.reader(file, strict=True))
        header, *cells = rows
        if tuple(header) not in (COLUMNS, COLUMNS + OF_CORRECTED):
            raise ValueError(f"its columns are {', '.join(header)}")
        columns = list(map(list, zip(*cells, strict=True)))
        paths, splits, clusters, confidence, probability, *others = columns
        numbers = np.array(clusters, np.int32)
        names, found = others or ([], clusters)
        given = zip(numbers.tolist(), names, strict=False)
        return ImageLabels(
            paths=paths,
            splits=splits,
            clusters=numbers,
            confidence=np.array(confidence, np.float32),
            probability=np.array(probability, np.float32),
            found=np.array(found, np.int32),
            names={cluster: name for cluster, name in given if name and cluster >= 0},
        )
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{path} is damaged ({error}); {REWRITE}") from error


def write_labels(run: Run, labels: ImageLabels) -> None:
    """Writes ``labels.csv``; names and found clusters only where anything is corrected.

    What an update made of the labels before is removed.

    Raises:
        UclsError: when the disk does not take it.
    """
    columns = [
        labels.paths,
        labels.splits,
        labels.clusters.tolist(),
        [f"{share:.4f}" for share in labels.confidence.tolist()],
        [f"{share:.4f}" for share in labels.probability.tolist()],
    ]
    if labels.is_corrected:
        columns += [
            [labels.names.get(cluster, "") for cluster in labels.clusters.tolist()],
            labels.found.tolist(),
        ]
    header = COLUMNS + OF_CORRECTED if labels.is_corrected else COLUMNS
    write_csv(run.folder.file(files.LABELS), header, zip(*columns, strict=True))
    run.folder.file(files.UPDATED_LABELS).unlink(missing_ok=True)
