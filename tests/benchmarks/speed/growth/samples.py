"""A made-up record of growth: every stage follows a power law, to the letter."""

import itertools

from benchmarks.speed.growth.points import Point, StageGrowth
from benchmarks.speed.growth.records import GrowthRecord, new_growth_record
from benchmarks.speed.growth.sizes import QUICK, Size
from benchmarks.speed.growth.works import WORKS

EXPONENTS = {"N": 2.0, "C": 0.5, "H": 1.0, "D": 1.5}


def power_law(size: Size, letters: str = "NCHD") -> float:
    """The seconds of a stage that multiplies."""
    seconds = 1e-6
    for letter in letters:
        seconds *= size.on_axis(letter) ** EXPONENTS[letter]
    return seconds


def stage_growth(stage: str, *, repeats: int = 2) -> StageGrowth:
    """A stage at the quick sizes; memory is a kilobyte for each image and head."""
    grid = QUICK[stage]
    points = tuple(
        Point(
            size,
            tuple(itertools.repeat(power_law(size), repeats)),
            1e-3 * size.n_images * size.n_heads,
        )
        for size in grid.sizes()
    )
    return StageGrowth(stage, WORKS[stage].what, grid.base, points)


def growth_record(*stages: str) -> GrowthRecord:
    """A record of some stages, or of all."""
    return new_growth_record(
        "python -m benchmarks growth", list(map(stage_growth, stages or WORKS))
    )
