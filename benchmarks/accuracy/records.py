"""The JSON record of one run: what was asked for, on what it ran, and what came out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine_facts
from ucls.cache import RunFolder, flatten, read_json, write_json
from ucls.datasets import DATASETS
from ucls.errors import UsageError
from ucls.settings.objectives import OBJECTIVES

SCHEMA = 1
LEFT_OUT = ("cluster_sizes", "agreement")
"""Long lists in ``metrics.json`` that no table shows."""


@dataclass(frozen=True)
class Record:
    """What is kept of one run.

    Attributes:
        dataset: its name.
        objective: what was trained.
        seed: of everything random.
        settings: all that was asked for, by dotted name.
        overrides: those that ``--set`` put over the file's; with any, it is no benchmark run.
        images: how many images each split had.
        made: when, in UTC.
        machine: facts of the machine.
        device: where the heads were trained, ``cpu`` or ``cuda``.
        versions: of Python and packages.
        resolved: all settings as they were fitted to the data, by dotted name.
        stages: ``seconds`` and ``peak_memory_mb`` of each.
        figures: what ``metrics.json`` holds, without long lists; scores are in 0..1.
    """

    dataset: str
    objective: str
    seed: int
    settings: dict[str, Any]
    overrides: dict[str, Any]
    images: dict[str, int]
    made: str
    machine: dict[str, Any]
    device: str
    versions: dict[str, str]
    resolved: dict[str, Any]
    stages: dict[str, dict[str, float]]
    figures: dict[str, Any]

    @property
    def seconds(self) -> float:
        """What all stages took together."""
        return sum(stage["seconds"] for stage in self.stages.values())


def record_path(results_dir: Path, dataset: str, objective: str, seed: int) -> Path:
    """Where the record of a run lies."""
    return results_dir / dataset / f"{objective}-seed{seed}.json"


def make_record(
    run: Path,
    *,
    objective: str,
    settings: Mapping[str, Any],
    overrides: Mapping[str, Any],
) -> Record:
    """Gathers the record of a run that was just evaluated.

    Args:
        run: its folder.
        objective: what was trained.
        settings: all that was asked for, by dotted name.
        overrides: those of them that ``--set`` gave.
    """
    folder, figures = RunFolder(run), read_json(run / "metrics.json")
    machine = machine_facts()
    splits = {split: figures[split] for split in ("train", "val") if figures[split]}
    return Record(
        dataset=figures["dataset"],
        objective=objective,
        seed=figures["seed"],
        settings=dict(settings),
        overrides=dict(overrides),
        images={split: sum(row["kmeans"]["cluster_sizes"]) for split, row in splits.items()},
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        device=folder.record["data"]["device"],
        machine=without(machine, ["versions"]),
        versions={**machine["versions"], **folder.record["versions"]},
        resolved=flatten(folder.read_config()),
        stages={name: _usage(entry) for name, entry in folder.record["stages"].items()},
        figures=without(figures, LEFT_OUT),
    )


def write_record(results_dir: Path, record: Record) -> Path:
    """Writes a record to its place, atomically.

    Raises:
        UclsError: if the disk does not take it.
    """
    path = record_path(results_dir, record.dataset, record.objective, record.seed)
    write_json(path, {"schema": SCHEMA, **asdict(record)})
    return path


def read_record(path: Path) -> Record:
    """Reads what :func:`write_record` wrote.

    Raises:
        UsageError: if the file is no such record, or one of another version.
    """
    content = read_json(path)
    schema = content.pop("schema", None) if isinstance(content, dict) else None
    names = {field.name for field in fields(Record)}
    if schema != SCHEMA or content.keys() != names:
        raise UsageError(
            f"expected a record of schema {SCHEMA} in {path}, got "
            f"{'something else' if schema in (None, SCHEMA) else f'schema {schema}'}: remove it, "
            "and run the benchmark again"
        )
    return Record(**content)


def read_records(results_dir: Path, dataset: str) -> list[Record]:
    """Reads all records of a dataset, by objective and seed.

    Raises:
        UsageError: as for :func:`read_record`.
    """
    records = [read_record(path) for path in (results_dir / dataset).glob("*-seed*.json")]
    return sorted(records, key=lambda record: (OBJECTIVES.index(record.objective), record.seed))


def changed_settings(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The names of the settings that are not the same, or not in both."""
    names = sorted({*one, *other})
    return [name for name in names if show_setting(one, name) != show_setting(other, name)]


def show_setting(settings: Mapping[str, Any], name: str) -> str:
    """A value as JSON, in which tuples and lists are the same; or ``not set``."""
    return json.dumps(settings[name]) if name in settings else "not set"


def missing_images(record: Record) -> list[str]:
    """Tells where a run did not have the whole dataset: ``train had 20 of 50,000 images``."""
    info = DATASETS[record.dataset]
    whole = {"train": info.n_train, "val": info.n_val}
    return [
        f"{split} had {record.images.get(split, 0):,} of {count:,} images"
        for split, count in whole.items()
        if record.images.get(split) != count
    ]


def without(tree: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Returns nested mappings without some names, at any depth."""
    return {
        name: without(value, names) if isinstance(value, Mapping) else value
        for name, value in tree.items()
        if name not in names
    }


def _usage(entry: Mapping[str, Any]) -> dict[str, float]:
    return {name: entry[name] for name in ("seconds", "peak_memory_mb") if name in entry}
