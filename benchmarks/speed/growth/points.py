"""What was measured of one stage."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.speed.growth.sizes import AXES, Size


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

    def along(self, letter: str) -> list[Point]:
        """The points that differ from the base in this axis alone, from the least size up."""
        points = [
            point
            for point in self.points
            if self.base.with_axis(letter, point.size.on_axis(letter)) == point.size
        ]
        return sorted(points, key=lambda point: point.size)


def sizes_along(points: Sequence[Point], letter: str) -> list[int]:
    """The values of an axis at some points."""
    return [point.size.on_axis(letter) for point in points]
