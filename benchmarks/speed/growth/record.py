"""What was measured of the stages."""

from dataclasses import dataclass

import numpy as np

from benchmarks.records import Record
from benchmarks.speed.size import AXES, Size
from ucls.errors import UsageError


@dataclass(frozen=True)
class Point:
    """One size.

    Attributes:
        size: of the inputs.
        seconds: of each repeat.
        memory_mb: peak of inputs and work, without Python and the libraries, in megabytes of 10^6
            bytes; below a few megabytes it is noise.
    """

    size: Size
    seconds: tuple[float, ...]
    memory_mb: float

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return float(np.median(self.seconds))

    @property
    def quartiles(self) -> tuple[float, float]:
        """The lower and the upper one of the seconds."""
        low, high = np.quantile(self.seconds, [0.25, 0.75])
        return float(low), float(high)


@dataclass(frozen=True)
class StageGrowth:
    """One stage at all its sizes.

    Attributes:
        stage: its name.
        what: was timed.
        base: the size around which each axis was varied.
        points: one for each size.
    """

    stage: str
    what: str
    base: Size
    points: tuple[Point, ...]

    @property
    def letters(self) -> list[str]:
        """The axes that were varied, of N, C, H and D."""
        return [letter for letter in AXES if len(self.along(letter)) > 1]

    @property
    def base_point(self) -> Point:
        """The point around which the axes were varied."""
        return next(point for point in self.points if point.size == self.base)

    def along(self, letter: str) -> list[Point]:
        """The points that differ from the base in this axis alone, from the least size up."""
        points = [
            point
            for point in self.points
            if self.base.with_axis(letter, point.size.on_axis(letter)) == point.size
        ]
        return sorted(points, key=lambda point: point.size)

    def sizes(self, letter: str) -> list[int]:
        """The values of an axis at the points along it."""
        return [point.size.on_axis(letter) for point in self.along(letter)]


@dataclass(frozen=True, kw_only=True)
class GrowthRecord(Record):
    """What one call of ``growth`` measured.

    Attributes:
        stages: in the order of a run.
    """

    made_by = "growth"

    stages: tuple[StageGrowth, ...]

    def of(self, stage: str) -> StageGrowth:
        """One stage.

        Raises:
            UsageError: if it was not measured.
        """
        found = {growth.stage: growth for growth in self.stages}
        if stage not in found:
            raise UsageError(
                f"the growth of stage {stage} was not measured, only that of "
                f"{', '.join(found) or 'none'}; measure all with: python -m benchmarks growth"
            )
        return found[stage]
