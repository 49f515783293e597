"""Time and memory at sizes beyond those that were measured, from the slopes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmarks.speed.estimate.case import Case
from benchmarks.speed.growth.record import Point, StageGrowth
from benchmarks.speed.growth.slopes import SMALLEST_MB, fit_slopes
from benchmarks.speed.growth.works import ITERATIONS
from benchmarks.speed.size import Size

ADDING: Mapping[str, str] = {"train": "CD", "merge": "NC", "ensemble": "NC"}
"""The axes whose costs add up rather than multiply: the layers of a head, and in merging and
consensus what is done for each image and what is done for each pair of clusters."""

Figure = Callable[[Point], float]


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


def extrapolate(growth: StageGrowth, size: Size, figure: Figure = seconds_of) -> Extrapolated:
    """What a stage would take at a size, from what it took at smaller ones.

    Along each axis the measured figures are followed and, beyond the largest size, the slope of
    their last half. The factors by which a figure grows along the axes are multiplied, but for
    those of :data:`ADDING`, of which the growth is added.

    Args:
        growth: of the stage.
        size: that is meant.
        figure: :func:`seconds_of` or :func:`memory_of`.
    """
    base = figure(growth.base_point)
    product, added, doubt = 1.0, 1.0, 0.0
    for letter in growth.letters:
        along, error = _along(growth, letter, size.on_axis(letter), figure)
        if letter in ADDING.get(growth.stage, ""):
            added += along / base - 1.0
        else:
            product *= along / base
        doubt += error**2
    return Extrapolated(base * product * added, math.exp(math.sqrt(doubt)))


def _along(growth: StageGrowth, letter: str, wanted: int, figure: Figure) -> tuple[float, float]:
    """A figure along one axis, and the standard error of its logarithm beyond the last size."""
    sizes, values = growth.sizes(letter), list(map(figure, growth.along(letter)))
    slopes = fit_slopes(sizes, values)
    measured = float(np.exp(np.interp(np.log(wanted), np.log(sizes), np.log(values))))
    beyond = max(1.0, wanted / sizes[-1])
    return measured * beyond**slopes.last.exponent, (slopes.whole.error or 0.0) * math.log(beyond)


def extrapolate_self_training(growth: StageGrowth, case: Case) -> Extrapolated:
    """As :func:`extrapolate`: what grows with the iterations and what grows with the images apart.

    Args:
        growth: of ``self-train``, measured with few iterations.
        case: with its iterations.
    """
    seconds = list(map(seconds_of, growth.along("N")))
    per_image, iterating = np.polyfit(growth.sizes("N"), seconds, 1)
    whole = max(iterating, 0.0) / ITERATIONS * case.iterations
    whole += max(per_image, 0.0) * case.size.n_images
    # Both grow with C and D.
    wider = extrapolate(growth, replace(case.size, n_images=growth.base.n_images))
    return Extrapolated(float(whole) * wider.value / seconds_of(growth.base_point), wider.factor)


def seconds_here(growth: StageGrowth, case: Case, *, epochs: int) -> Extrapolated:
    """A stage on the machine that the growth was measured on."""
    if growth.stage == "self-train":
        return extrapolate_self_training(growth, case)
    if growth.stage == "train":
        epoch = extrapolate(growth, replace(case.size, n_clusters=case.head_clusters))
        return Extrapolated(epochs * epoch.value, epoch.factor)
    if growth.stage == "evaluate":
        return extrapolate(growth, replace(case.size, n_images=case.n_fitted_to))
    return extrapolate(growth, case.size)
