"""What was measured of a training from disk."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.records import Record
from benchmarks.speed.measurement import Size


@dataclass(frozen=True)
class Step:
    """Seconds and peak resident memory, with Python and its packages, in 10^6 bytes.

    ``samples`` are the memory every half second, where it was looked at.
    """

    name: str
    seconds: float
    peak_mb: float
    samples: tuple[float, ...] = ()


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
