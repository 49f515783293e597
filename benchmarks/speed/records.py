"""Measurements on disk: one JSON file for a run of the benchmarks, with the machine in it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine_facts
from benchmarks.speed.measurement import Measurement
from ucls.cache import atomic_write
from ucls.errors import UsageError

SCHEMA = 1


@dataclass(frozen=True)
class SpeedRecord:
    """What one run measured.

    Attributes:
        command: the command line that made it.
        machine: see :func:`benchmarks.machine.machine_facts`.
        measured: when, UTC.
        measurements: in the order they were made.
    """

    command: str
    machine: dict[str, Any]
    measured: str
    measurements: list[Measurement]


def new_record(command: str, measurements: Sequence[Measurement]) -> SpeedRecord:
    """A record of what has just been measured on this machine."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return SpeedRecord(command, machine_facts(), now, list(measurements))


def write_record(path: Path, record: SpeedRecord) -> None:
    """Writes a record, atomically."""
    tree = {"schema": SCHEMA, **asdict(record)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")


def read_record(path: Path) -> SpeedRecord:
    """Reads a record.

    Raises:
        UsageError: if there is none, or it is of another kind or schema.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no record {path}; make one with: python -m benchmarks speed --out {path}"
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path} as JSON: {error}") from error
    if not isinstance(tree, dict) or "measurements" not in tree:
        raise UsageError(f"{path} is no record of `python -m benchmarks speed`; give one of these")
    if tree.pop("schema", None) != SCHEMA:
        raise UsageError(f"{path} has another schema than {SCHEMA}; measure again")
    measurements = [Measurement(**entry) for entry in tree.pop("measurements")]
    return SpeedRecord(measurements=measurements, **tree)
