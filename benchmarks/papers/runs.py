"""Our runs of ``ucls pretrain``, and which rows of the papers they stand beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.papers.tables import Row
from ucls.cache import read_json
from ucls.errors import UsageError
from ucls.pretraining.record import RECORD

EVALUATIONS = "probe*.json"
"""What ``ucls probe FOLDER --json FOLDER/probe.json`` leaves, also with ``--masks``."""


@dataclass(frozen=True)
class Run:
    """A network that was learned; ``figures`` are in percent, named as in the papers' tables."""

    folder: Path
    method: str
    dataset: str
    arch: str
    epochs: int
    settings: dict[str, Any]
    figures: dict[str, float]

    def is_like(self, row: Row) -> bool:
        """Whether a row is of the same method, images, architecture and settings."""
        same = (self.method, self.dataset, self.arch) == (row.method, row.dataset, row.arch)
        told = all(self.settings.get(name) == _plain(value) for name, value in row.settings.items())
        return same and told and not row.beyond

    def rows_of(self, rows: Sequence[Row]) -> list[Row]:
        """The rows that it stands beside: of those that it is like, the nearest in epochs."""
        alike = [row for row in rows if self.is_like(row)]
        apart = [abs(self.epochs - (row.epochs or self.epochs)) for row in alike]
        return [row for row, distance in zip(alike, apart, strict=True) if distance == min(apart)]


def read_run(folder: Path) -> Run:
    """Reads a folder of ``ucls pretrain``, and what ``ucls probe`` left in it.

    Raises:
        UsageError: if it is none, or the training is not finished.
    """
    if not (folder / RECORD).is_file():
        raise UsageError(f"{folder} is no folder of `ucls pretrain`: it has no {RECORD}")
    record = read_json(folder / RECORD)
    if not record["figures"]:
        raise UsageError(
            f"the training in {folder} is not finished: give the same `ucls pretrain` again"
        )
    settings = {**record["settings"], **record["settings"]["options"]}
    dataset = record["source"].get("source", "")
    figures = {_NAMES[name]: record["figures"].get(name) for name in _NAMES}
    for path in sorted(folder.glob(EVALUATIONS)):
        figures |= _evaluated(read_json(path), dataset)
    return Run(
        folder,
        settings["method"],
        dataset,
        settings["arch"],
        settings["epochs"],
        settings,
        {name: 100 * value for name, value in figures.items() if value is not None},
    )


_NAMES = {"acc": "acc", "nmi": "nmi", "ami": "ami", "ari": "ari", "knn": "knn20"}
"""Figures of the training, and what the papers' tables call them."""


def _evaluated(found: dict[str, Any], dataset: str) -> dict[str, float]:
    name = found.get("source", "")
    place = "" if name == dataset else f"{name} "
    figures = {f"knn{knn['k']}": knn["weighted"] for knn in found.get("knn", ())}
    if linear := found.get("linear_probe"):
        figures["linear"] = linear["acc"]
    if segmentation := found.get("segmentation"):
        figures["miou"] = segmentation["mean_iou"]
    return {f"{place}{name}": value for name, value in figures.items()}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
