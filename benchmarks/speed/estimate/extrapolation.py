"""Time and memory at sizes beyond those that were measured, from the slopes."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.speed.estimate.cases import Case
from benchmarks.speed.growth.points import Point, StageGrowth, sizes_along
from benchmarks.speed.growth.sizes import Size
from benchmarks.speed.growth.slopes import SMALLEST_MB, Slopes, fit_slopes
from benchmarks.speed.growth.works import ITERATIONS

ADDING: Mapping[str, str] = {"train": "CD", "merge": "NC", "ensemble": "NC"}
"""The axes whose costs add up rather than multiply: the layers of a head, and in merging and
consensus what is done for each image and what is done for each pair of clusters."""


class Extrapolated(NamedTuple):
    """A figure on paper."""

    value: float
    """Seconds, or megabytes of 10^6 bytes."""
    factor: float
    """By which it may be too small or too large, of the standard errors of the slopes; from 1."""


def seconds_of(point: Point) -> float:
    """What a size took."""
    return point.median


def memory_of(point: Point) -> float:
    """The memory of a size, where it is told from noise."""
    return max(point.memory_mb, SMALLEST_MB)


def extrapolate(
    growth: StageGrowth, size: Size, figure: Callable[[Point], float] = seconds_of
) -> Extrapolated:
    """What a stage would take at a size, from what it took at smaller ones.

    Along each axis the measured figures are followed and, beyond the largest size, the slope of
    their last half. The factors by which a figure grows along the axes are multiplied, but for
    those of :data:`ADDING`, of which the growth is added.

    Args:
        growth: of the stage.
        size: that is meant.
        figure: :func:`seconds_of` or :func:`memory_of`.
    """
    curves = {letter: _Curve.along(growth, letter, figure) for letter in growth.letters}
    adding = ADDING.get(growth.stage, "")
    product, added, doubt = 1.0, 1.0, 0.0
    for letter, curve in curves.items():
        factor = curve.at(size.on_axis(letter)) / figure(base_point(growth))
        if letter in adding:
            added += factor - 1.0
        else:
            product *= factor
        doubt += curve.doubt(size.on_axis(letter)) ** 2
    value = figure(base_point(growth)) * product * added
    return Extrapolated(value, math.exp(math.sqrt(doubt)))


def extrapolate_self_training(growth: StageGrowth, case: Case) -> Extrapolated:
    """As :func:`extrapolate`: what grows with the iterations and what grows with the images apart.

    Args:
        growth: of ``self-train``, measured with few iterations.
        case: with its iterations.
    """
    points = growth.along("N")
    per_image, iterating = np.polyfit(sizes_along(points, "N"), list(map(seconds_of, points)), 1)
    seconds = max(iterating, 0.0) / ITERATIONS * case.iterations
    seconds += max(per_image, 0.0) * case.size.n_images
    # Both grow with C and D.
    wider = extrapolate(growth, case.size._replace(n_images=growth.base.n_images))
    ratio = wider.value / seconds_of(base_point(growth))
    return Extrapolated(float(seconds) * ratio, wider.factor)


def base_point(growth: StageGrowth) -> Point:
    """The size around which the axes were varied."""
    return next(point for point in growth.points if point.size == growth.base)


class _Curve(NamedTuple):
    """A figure along one axis."""

    sizes: Sequence[int]
    values: Sequence[float]
    slopes: Slopes

    @classmethod
    def along(cls, growth: StageGrowth, letter: str, figure: Callable[[Point], float]) -> "_Curve":
        """Reads it from the points."""
        points = growth.along(letter)
        sizes, values = sizes_along(points, letter), list(map(figure, points))
        return cls(sizes, values, fit_slopes(sizes, values))

    def at(self, size: int) -> float:
        """Between the sizes in log-log; beyond the last by the slope."""
        logs = np.interp(np.log(size), np.log(self.sizes), np.log(self.values))
        beyond = max(1.0, size / self.sizes[-1])
        grown: float = beyond**self.slopes.last.exponent
        return float(np.exp(logs)) * grown

    def doubt(self, size: int) -> float:
        """The standard error of the logarithm beyond the last size."""
        beyond = max(1.0, size / self.sizes[-1])
        return (self.slopes.whole.error or 0.0) * math.log(beyond)
