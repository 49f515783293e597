"""What the heads and the ensembles found: ``assignments.h5`` and ``consensus.h5``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ucls.cache.hdf5 import Format, read_hdf5, write_hdf5
from ucls.errors import UsageError

ASSIGNMENTS_FORMAT = Format(
    "ucls-assignments", 1, "file of head assignments", "run `ucls train` with --overwrite"
)
CONSENSUS_FORMAT = Format(
    "ucls-consensus", 1, "consensus file", "run `ucls ensemble` with --overwrite"
)


@dataclass(frozen=True, eq=False)
class Assignments:
    """What each head says about each image.

    Attributes:
        labels: per split, int32 [H, N]: the cluster of each image by each head; -1 if none.
        confidence: per split, float16 [H, N]: the probability of that cluster.
        loss: float32 [H]: the training loss of each head over its last epoch.
        n_clusters: number of clusters (C).

    Raises:
        UsageError: when the arrays do not fit together, or a label is not below ``n_clusters``.
    """

    labels: dict[str, NDArray[np.int32]]
    confidence: dict[str, NDArray[np.float16]]
    loss: NDArray[np.float32]
    n_clusters: int

    def __post_init__(self) -> None:
        for split in _check_splits(self.labels, self.confidence):
            labels = self.labels[split]
            if labels.ndim != 2 or len(labels) != len(self.loss):
                raise UsageError(
                    f"expected labels [{len(self.loss)}, N] for split {split}, one row per "
                    f"head with a loss, got {labels.shape}"
                )
            if labels.size and not -1 <= labels.min() <= labels.max() < self.n_clusters:
                raise UsageError(
                    f"expected labels from -1 to {self.n_clusters - 1} for split {split}, "
                    f"got {labels.min()} to {labels.max()}"
                )


@dataclass(frozen=True, eq=False)
class ConsensusEntry:
    """One consensus of some heads.

    Attributes:
        name: tells it from the others of a run, such as ``vote[0-4,7]``; without a slash.
        method: how it was found.
        heads: numbers of the heads it is made of.
        labels: per split, int32 [N]; the cluster of each image.
        confidence: per split, float16 [N].
        anmi: per split where known, the mean normalised mutual information to the heads.
        seconds: how long it took.
        key: hash of the settings it was made with.

    Raises:
        UsageError: when the splits or shapes do not fit together, or for a name with a slash.
    """

    name: str
    method: str
    heads: tuple[int, ...]
    labels: dict[str, NDArray[np.int32]]
    confidence: dict[str, NDArray[np.float16]]
    anmi: dict[str, float]
    seconds: float
    key: str

    def __post_init__(self) -> None:
        if not self.name.strip(".") or "/" in self.name:
            raise UsageError(
                f"expected the name of a consensus without a slash, got {self.name!r}; rename it"
            )
        splits = _check_splits(self.labels, self.confidence)
        if not set(self.anmi) <= set(splits):
            raise UsageError(f"expected ANMI for some of {sorted(splits)}, got {sorted(self.anmi)}")


def write_assignments(path: Path, assignments: Assignments) -> None:
    """Writes assignments, atomically.

    Raises:
        UclsError: when the disk does not take it.
    """
    n_bytes = assignments.loss.nbytes + _count_bytes(assignments.labels, assignments.confidence)
    with write_hdf5(path, ASSIGNMENTS_FORMAT, n_bytes=n_bytes) as file:
        file.attrs["n_clusters"] = assignments.n_clusters
        file.create_dataset("loss", data=assignments.loss, dtype=np.float32)
        _write_splits(file, assignments.labels, assignments.confidence)


def read_assignments(path: Path) -> Assignments:
    """Reads what :func:`write_assignments` wrote.

    Raises:
        UsageError: when the file is missing, truncated, of another format, of a newer version,
            or its arrays do not fit together.
    """
    with read_hdf5(path, ASSIGNMENTS_FORMAT) as file:
        return Assignments(
            labels=_read_splits(file, "labels"),
            confidence=_read_splits(file, "confidence"),
            loss=file["loss"][:],
            n_clusters=int(file.attrs["n_clusters"]),
        )


def write_consensus(path: Path, entry: ConsensusEntry, *, chosen: bool) -> None:
    """Adds an entry, or replaces the one of that name; the others stay. Atomic.

    Args:
        path: the file; created when missing.
        entry: the consensus.
        chosen: mark this entry as the chosen one; otherwise the mark stays where it is.

    Raises:
        UsageError: when the file there is damaged, of another format or of a newer version.
        UclsError: when the disk does not take it.
    """
    entries, old_choice = read_consensus(path) if path.exists() else ({}, None)
    entries[entry.name] = entry
    choice = entry.name if chosen else old_choice
    n_bytes = sum(_count_bytes(one.labels, one.confidence) for one in entries.values())
    with write_hdf5(path, CONSENSUS_FORMAT, n_bytes=n_bytes) as file:
        if choice is not None:
            file.attrs["chosen"] = choice
        for name, one in entries.items():
            _write_entry(file.create_group(f"entries/{name}"), one)


def read_consensus(path: Path) -> tuple[dict[str, ConsensusEntry], str | None]:
    """Reads every entry, by name, and the name of the chosen one, if one is chosen.

    Raises:
        UsageError: when the file is missing, truncated, of another format, of a newer version,
            or its arrays do not fit together.
    """
    with read_hdf5(path, CONSENSUS_FORMAT) as file:
        entries = {name: _read_entry(name, group) for name, group in file["entries"].items()}
        chosen = file.attrs.get("chosen")
    return entries, None if chosen is None else str(chosen)


def _check_splits(labels: dict[str, Any], confidence: dict[str, Any]) -> list[str]:
    """Returns the splits, once labels and confidence are known to have the same shapes."""
    shapes = {split: array.shape for split, array in labels.items()}
    others = {split: array.shape for split, array in confidence.items()}
    if not shapes or shapes != others:
        raise UsageError(
            f"expected labels and confidence of the same splits and shapes, got {shapes} "
            f"and {others}"
        )
    return list(shapes)


def _count_bytes(*arrays: dict[str, NDArray[Any]]) -> int:
    return sum(array.nbytes for by_split in arrays for array in by_split.values())


def _write_splits(parent: h5py.Group, labels: dict[str, Any], confidence: dict[str, Any]) -> None:
    for split, values in labels.items():
        group = parent.create_group(f"splits/{split}")
        group.create_dataset("labels", data=values, dtype=np.int32)
        group.create_dataset("confidence", data=confidence[split], dtype=np.float16)


def _read_splits(parent: h5py.Group, name: str) -> dict[str, NDArray[Any]]:
    return {split: group[name][:] for split, group in parent["splits"].items()}


def _write_entry(group: h5py.Group, entry: ConsensusEntry) -> None:
    group.attrs["method"] = entry.method
    group.attrs["heads"] = np.array(entry.heads, dtype=np.int64)
    group.attrs["seconds"] = entry.seconds
    group.attrs["key"] = entry.key
    _write_splits(group, entry.labels, entry.confidence)
    for split, anmi in entry.anmi.items():
        group["splits"][split].attrs["anmi"] = anmi


def _read_entry(name: str, group: h5py.Group) -> ConsensusEntry:
    return ConsensusEntry(
        name=name,
        method=str(group.attrs["method"]),
        heads=tuple(group.attrs["heads"].tolist()),
        labels=_read_splits(group, "labels"),
        confidence=_read_splits(group, "confidence"),
        anmi={
            split: float(part.attrs["anmi"])
            for split, part in group["splits"].items()
            if "anmi" in part.attrs
        },
        seconds=float(group.attrs["seconds"]),
        key=str(group.attrs["key"]),
    )
