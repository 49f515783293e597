"""What the heads and the ensembles found: ``assignments.h5`` and ``consensus.h5``."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ucls.cache.hdf5 import Format, read_hdf5, write_hdf5
from ucls.errors import UsageError

ASSIGNMENTS_FORMAT = Format(
    "ucls-assignments", 2, "file of head assignments", "run `ucls train` with --overwrite"
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
        n_clusters: number of clusters that are wanted (C).
        head_clusters: int32 [H]: clusters of each head.

    Raises:
        UsageError: when the arrays do not fit together, or a label is not below the clusters of
            its head.
    """

    labels: dict[str, NDArray[np.int32]]
    confidence: dict[str, NDArray[np.float16]]
    loss: NDArray[np.float32]
    n_clusters: int
    head_clusters: NDArray[np.int32]

    def __post_init__(self) -> None:
        if self.head_clusters.shape != self.loss.shape:
            raise UsageError(
                f"expected clusters of {len(self.loss)} heads, one for each loss, "
                f"got {self.head_clusters.shape}"
            )
        for split in _check_splits(self.labels, self.confidence):
            labels = self.labels[split]
            if labels.ndim != 2 or len(labels) != len(self.loss):
                raise UsageError(
                    f"expected labels [{len(self.loss)}, N] for split {split}, one row per "
                    f"head with a loss, got {labels.shape}"
                )
            if labels.size and (
                labels.min() < -1 or (labels.max(axis=1) >= self.head_clusters).any()
            ):
                raise UsageError(
                    f"expected labels from -1 to below the {self.head_clusters.max()} clusters of "
                    f"a head for split {split}, got {labels.min()} to {labels.max()}"
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
        seconds: per split where known, how long it took.
        key: hash of the settings it was made with.
        settings: what it was made with, by name; None where not known.
        seed: that of its run; None where not known.
        best_of: keys of the settings under which several methods were compared and this one was
            kept.
        n_partitions: of the neighbour graph, that voted beside the heads on ``train``.

    Raises:
        UsageError: when the splits or shapes do not fit together, or for a name with a slash.
    """

    name: str
    method: str
    heads: tuple[int, ...]
    labels: dict[str, NDArray[np.int32]]
    confidence: dict[str, NDArray[np.float16]]
    anmi: dict[str, float]
    seconds: dict[str, float]
    key: str
    settings: dict[str, Any] | None = field(default=None, kw_only=True)
    seed: int | None = field(default=None, kw_only=True)
    best_of: tuple[str, ...] = field(default=(), kw_only=True)
    n_partitions: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        if not self.name.strip(".") or "/" in self.name:
            raise UsageError(
                f"expected the name of a consensus without a slash, got {self.name!r}; rename it"
            )
        splits = _check_splits(self.labels, self.confidence)
        for name, figures in (("ANMI", self.anmi), ("seconds", self.seconds)):
            if not set(figures) <= set(splits):
                raise UsageError(
                    f"expected {name} for some of {sorted(splits)}, got {sorted(figures)}"
                )


def write_assignments(path: Path, assignments: Assignments) -> None:
    """Writes assignments, atomically.

    Raises:
        UclsError: when the disk does not take it.
    """
    n_bytes = assignments.loss.nbytes + _count_bytes(assignments.labels, assignments.confidence)
    with write_hdf5(path, ASSIGNMENTS_FORMAT, n_bytes=n_bytes) as file:
        file.attrs["n_clusters"] = assignments.n_clusters
        file.create_dataset("loss", data=assignments.loss, dtype=np.float32)
        file.create_dataset("head_clusters", data=assignments.head_clusters, dtype=np.int32)
        _write_splits(file, assignments.labels, assignments.confidence)


def read_assignments(path: Path) -> Assignments:
    """Reads what :func:`write_assignments` wrote.

    Raises:
        UsageError: when the file is missing, truncated, of another format, of a newer version,
            or its arrays do not fit together.
    """
    with read_hdf5(path, ASSIGNMENTS_FORMAT) as file:
        loss, n_clusters = file["loss"][:], int(file.attrs["n_clusters"])
        if "head_clusters" in file:
            head_clusters = file["head_clusters"][:]
        else:
            head_clusters = np.full(len(loss), n_clusters, dtype=np.int32)
        return Assignments(
            labels=_read_splits(file, "labels"),
            confidence=_read_splits(file, "confidence"),
            loss=loss,
            n_clusters=n_clusters,
            head_clusters=head_clusters,
        )


def write_consensus(path: Path, entries: Iterable[ConsensusEntry], *, chosen: str | None) -> None:
    """Writes these entries in place of those that were there, all at once. Atomic.

    Args:
        path: the file; created when missing.
        entries: every consensus of the run, each with a name of its own.
        chosen: name of the one in use; None if there is none.

    Raises:
        UsageError: when two entries have the same name, or none is called ``chosen``.
        UclsError: when the disk does not take it.
    """
    entries = list(entries)
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise UsageError(f"expected consensuses of different names, got {names}; rename one")
    if chosen is not None and chosen not in names:
        raise UsageError(
            f"expected one of {names} to be chosen, got {chosen!r}; choose one of them"
        )
    n_bytes = sum(_count_bytes(entry.labels, entry.confidence) for entry in entries)
    with write_hdf5(path, CONSENSUS_FORMAT, n_bytes=n_bytes) as file:
        if chosen is not None:
            file.attrs["chosen"] = chosen
        for entry in entries:
            _write_entry(file.create_group(f"entries/{entry.name}"), entry)


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
    group.attrs["seconds"] = sum(entry.seconds.values())
    group.attrs["key"] = entry.key
    if entry.settings is not None:
        group.attrs["settings"] = json.dumps(entry.settings)
    if entry.n_partitions:
        group.attrs["n_partitions"] = entry.n_partitions
    if entry.seed is not None:
        group.attrs["seed"] = entry.seed
    if entry.best_of:
        group.attrs["best_of"] = np.array(entry.best_of, dtype=h5py.string_dtype())
    _write_splits(group, entry.labels, entry.confidence)
    for name, figures in (("anmi", entry.anmi), ("seconds", entry.seconds)):
        for split, value in figures.items():
            group["splits"][split].attrs[name] = value


def _read_entry(name: str, group: h5py.Group) -> ConsensusEntry:
    settings, seed = group.attrs.get("settings"), group.attrs.get("seed")
    return ConsensusEntry(
        name=name,
        method=str(group.attrs["method"]),
        heads=tuple(group.attrs["heads"].tolist()),
        labels=_read_splits(group, "labels"),
        confidence=_read_splits(group, "confidence"),
        anmi=_read_figures(group, "anmi"),
        seconds=_read_figures(group, "seconds"),
        key=str(group.attrs["key"]),
        settings=None if settings is None else json.loads(settings),
        seed=None if seed is None else int(seed),
        best_of=tuple(map(str, group.attrs.get("best_of", ()))),
        n_partitions=int(group.attrs.get("n_partitions", 0)),
    )


def _read_figures(group: h5py.Group, name: str) -> dict[str, float]:
    """A figure of each split where it is known."""
    splits = group["splits"].items()
    return {split: float(part.attrs[name]) for split, part in splits if name in part.attrs}
