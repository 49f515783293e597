"""The record of ``python -m benchmarks growth``: one JSON file, with the machine in it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine_facts
from benchmarks.speed.growth.points import Point, StageGrowth
from benchmarks.speed.growth.sizes import Size
from ucls.cache import read_json, write_json
from ucls.errors import UsageError

SCHEMA = 1


@dataclass(frozen=True)
class GrowthRecord:
    """What one call measured.

    Attributes:
        command: the command line that made it.
        machine: see :func:`benchmarks.machine.machine_facts`.
        measured: when, UTC.
        stages: in the order of a run.
    """

    command: str
    machine: dict[str, Any]
    measured: str
    stages: tuple[StageGrowth, ...]

    def of(self, stage: str) -> StageGrowth:
        """One stage.

        Raises:
            UsageError: if it was not measured.
        """
        found = next((growth for growth in self.stages if growth.stage == stage), None)
        if found is None:
            there = ", ".join(growth.stage for growth in self.stages) or "none"
            raise UsageError(
                f"the growth of stage {stage} was not measured, only that of {there}; measure all "
                "with: python -m benchmarks growth"
            )
        return found


def new_growth_record(command: str, stages: Sequence[StageGrowth]) -> GrowthRecord:
    """A record of what has just been measured on this machine."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return GrowthRecord(command, machine_facts(), now, tuple(stages))


def write_growth(path: Path, record: GrowthRecord) -> None:
    """Writes a record, atomically; each size by the names of its fields.

    Raises:
        UclsError: if the disk does not take it.
    """
    tree = {"schema": SCHEMA, **asdict(record)}
    tree["stages"] = [
        {
            **asdict(growth),
            "base": growth.base._asdict(),
            "points": [{**asdict(p), "size": p.size._asdict()} for p in growth.points],
        }
        for growth in record.stages
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, tree)


def read_growth(path: Path) -> GrowthRecord:
    """Reads what :func:`write_growth` wrote.

    Raises:
        UsageError: if there is none, or it is of another kind or schema.
    """
    make = f"make one with: python -m benchmarks growth --out {path.parent}"
    if not path.is_file():
        raise UsageError(f"there is no record of growth {path}; {make}")
    tree = read_json(path)
    if not isinstance(tree, dict) or "stages" not in tree or tree.pop("schema", None) != SCHEMA:
        raise UsageError(f"{path} is no record of growth of schema {SCHEMA}; {make}")
    stages = tuple(_read_stage(entry) for entry in tree.pop("stages"))
    return GrowthRecord(**tree, stages=stages)


def _read_stage(entry: dict[str, Any]) -> StageGrowth:
    points = tuple(
        Point(Size(**point["size"]), tuple(point["seconds"]), point["memory_mb"])
        for point in entry["points"]
    )
    return StageGrowth(entry["stage"], entry["what"], Size(**entry["base"]), points)
