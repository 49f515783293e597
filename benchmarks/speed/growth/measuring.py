"""Measures a stage at the sizes of a grid, in a process that does nothing else."""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import psutil

from benchmarks.process import run_in_process
from benchmarks.speed.growth.record import Point, StageGrowth
from benchmarks.speed.growth.works import BATCH_SIZE, WORKS, Grid
from benchmarks.speed.measurement import Work, time_in_turns
from benchmarks.speed.size import Size
from ucls.cache.usage import measure

SMALLEST = Size(BATCH_SIZE, 4, 2, 16)
"""Makes libraries load what they load late."""
LONG = 10.0
"""Seconds, beside which a cold start is nothing: a first run of so many counts as the only one."""


def measure_growth(stage: str, grid: Grid, *, repeats: int) -> StageGrowth:
    """Times one stage at each size so often, after a first run that tells the memory."""
    sizes = grid.sizes()
    outcome = run_in_process(measure_sizes, stage, [asdict(size) for size in sizes], repeats)
    points = (
        Point(size, tuple(seconds), memory_mb)
        for size, (seconds, memory_mb) in zip(sizes, outcome.result, strict=True)
    )
    return StageGrowth(stage, WORKS[stage][0], grid.base, tuple(points))


def measure_sizes(
    stage: str, sizes: list[dict[str, Any]], repeats: int
) -> list[tuple[list[float], float]]:
    """The seconds of each repeat and the memory, in megabytes, at each size, in this process."""
    _, prepare = WORKS[stage]
    prepare(SMALLEST)()
    bare = resident_mb()
    return [measure_size(prepare, Size(**size), repeats=repeats, bare_mb=bare) for size in sizes]


def measure_size(
    prepare: Callable[[Size], Work], size: Size, *, repeats: int, bare_mb: float
) -> tuple[list[float], float]:
    """Seconds of each repeat, and megabytes of 10^6 bytes beyond those of the bare process."""
    work = prepare(size)
    resident_mb()
    with measure() as usage:
        work()
    if usage.seconds >= LONG:
        seconds = [usage.seconds]
    else:
        seconds = time_in_turns({"work": work}, repeats=repeats, warm_up=0)["work"]
    return seconds, usage.peak_memory_mb * 2**20 / 1e6 - bare_mb


def resident_mb() -> float:
    """Megabytes of this process, after what was freed is given back where that can be told."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
    return float(psutil.Process().memory_info().rss) / 1e6
