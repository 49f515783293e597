"""A made-up record of growth: every stage follows a power law, to the letter."""

from benchmarks.records import made_here
from benchmarks.speed.growth.record import GrowthRecord, Point, StageGrowth
from benchmarks.speed.growth.works import WORKS, read_grids, sizes_of
from benchmarks.speed.measurement import Size

EXPONENTS = {"N": 2.0, "C": 0.5, "H": 1.0, "D": 1.5}


def power_law(size: Size, letters: str = "NCHD") -> float:
    """The seconds of a stage that multiplies."""
    seconds = 1e-6
    for letter in letters:
        seconds *= size.on_axis(letter) ** EXPONENTS[letter]
    return seconds


def stage_growth(stage: str, *, repeats: int = 2, seconds=power_law) -> StageGrowth:
    """A stage at the quick sizes; memory is a kilobyte for each image and head."""
    grid = read_grids("quick")[stage]
    points = tuple(
        Point(size, (seconds(size),) * repeats, 1e-3 * size.n_images * size.n_heads)
        for size in sizes_of(grid)
    )
    return StageGrowth(stage, WORKS[stage][0], grid[0], points)


def growth_record(*stages: str) -> GrowthRecord:
    """A record of some stages, or of all."""
    return GrowthRecord(**made_here(), stages=tuple(map(stage_growth, stages or WORKS)))
