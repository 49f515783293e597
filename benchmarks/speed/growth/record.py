"""What was measured of the stages, and the slopes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.records import Record
from benchmarks.speed.measurement import AXES, Size
from ucls.errors import UsageError

SMALLEST_MB = 4.0
"""Less memory than this is not told from noise."""


@dataclass(frozen=True)
class Point:
    """Seconds of each repeat, and the peak of inputs and work in megabytes of 10^6 bytes."""

    size: Size
    seconds: tuple[float, ...]
    memory_mb: float


@dataclass(frozen=True)
class StageGrowth:
    """One stage at all its sizes, ``base`` with each axis varied; ``what`` was timed."""

    stage: str
    what: str
    base: Size
    points: tuple[Point, ...]

    @property
    def letters(self) -> list[str]:
        """The axes that were varied, of N, C, H and D."""
        return [letter for letter in AXES if len(self.along(letter)) > 1]

    def along(self, letter: str) -> list[Point]:
        """The points that differ from the base in this axis alone, from the least size up."""
        points = (
            point
            for point in self.points
            if self.base.with_axis(letter, point.size.on_axis(letter)) == point.size
        )
        return sorted(points, key=lambda point: point.size)

    def seconds(self, letter: str) -> tuple[list[int], list[float]]:
        """Sizes and medians of the seconds along an axis."""
        points = self.along(letter)
        medians = [float(np.median(point.seconds)) for point in points]
        return [point.size.on_axis(letter) for point in points], medians

    def memory(self, letter: str) -> tuple[list[int], list[float]]:
        """Sizes and megabytes along an axis, where memory is told from noise."""
        told = [point for point in self.along(letter) if point.memory_mb >= SMALLEST_MB]
        return [point.size.on_axis(letter) for point in told], [point.memory_mb for point in told]


@dataclass(frozen=True, kw_only=True)
class GrowthRecord(Record):
    """What one call of ``growth`` measured, in the order of a run."""

    made_by = "growth"

    stages: tuple[StageGrowth, ...]

    def of(self, stage: str) -> StageGrowth:
        """One stage; a UsageError if it was not measured."""
        for growth in self.stages:
            if growth.stage == stage:
                return growth
        raise UsageError(
            f"expected the growth of all stages, got none of {stage}: measure all with "
            "python -m benchmarks growth"
        )


def fit_slope(
    sizes: Sequence[float], values: Sequence[float], *, last_half: bool = False
) -> tuple[float, float]:
    """The exponent of a power law, by least squares in log-log, and its standard error.

    The last half of the points, the middle one included, tells more of what comes beyond.
    """
    start = len(sizes) // 2 if last_half else 0
    sizes, values = sizes[start:], values[start:]
    logs, heights = (np.log(one) - np.log(one).mean() for one in (sizes, values))
    spread = logs @ logs
    slope = float(logs @ heights / spread)
    residuals = heights - slope * logs
    return slope, float(np.sqrt(residuals @ residuals / max(1, len(sizes) - 2) / spread))


def slope_texts(sizes: Sequence[float], values: Sequence[float]) -> list[str]:
    """The slopes of all and of the last half, with standard errors where two points leave some."""
    if len(sizes) < 3:
        return ["-", "-"]
    slope, error = fit_slope(sizes, values)
    last, last_error = fit_slope(sizes, values, last_half=True)
    told = f" ± {last_error:.2f}" if len(sizes) > 4 else ""
    return [f"{slope:.2f} ± {error:.2f}", f"{last:.2f}{told}"]
