"""What was measured of a training from disk."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.records import Record
from benchmarks.speed.measurement import Size
from benchmarks.speed.steps import Step


@dataclass(frozen=True, kw_only=True)
class OutOfCoreRecord(Record):
    """All steps, and the size of the features in float16, in bytes."""

    made_by: ClassVar[str] = "out-of-core"
    size: Size
    steps: tuple[Step, ...]

    @property
    def n_bytes(self) -> int:
        """Of the features in half precision."""
        return 2 * self.size.n_images * self.size.n_features
