"""What was measured of long work in one process."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.records import Record
from benchmarks.speed.measurement import Size
from benchmarks.speed.steps import Step


@dataclass(frozen=True, kw_only=True)
class SoakRecord(Record):
    """The stages of each run, in order; all runs are made by one process."""

    made_by: ClassVar[str] = "soak"
    size: Size
    runs: tuple[tuple[Step, ...], ...]
