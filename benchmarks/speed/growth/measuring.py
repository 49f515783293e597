"""Measures a stage at the sizes of a grid, in a process that does nothing else."""

import ctypes
import sys
from dataclasses import asdict
from typing import Any

import psutil

from benchmarks.process import run_in_process
from benchmarks.speed.growth.record import Point, StageGrowth
from benchmarks.speed.growth.sizes import Grid
from benchmarks.speed.growth.works import BATCH_SIZE, WORKS, StageWork
from benchmarks.speed.measurement import time_in_turns
from benchmarks.speed.size import Size
from ucls.cache.usage import measure

SMALLEST = Size(BATCH_SIZE, 4, 2, 16)
"""Makes libraries load what they load late."""
LONG = 10.0
"""Seconds, beside which a cold start is nothing."""


def measure_growth(stage: str, grid: Grid, *, repeats: int) -> StageGrowth:
    """Measures one stage.

    Args:
        stage: its name, see :data:`benchmarks.speed.growth.works.WORKS`.
        grid: of sizes.
        repeats: how often each is timed, after a first run that tells the memory.

    Raises:
        UclsError: if the process fails, for instance for want of memory.
    """
    sizes = grid.sizes()
    outcome = run_in_process(measure_sizes, stage, [asdict(size) for size in sizes], repeats)
    points = (
        Point(size, tuple(seconds), memory_mb)
        for size, (seconds, memory_mb) in zip(sizes, outcome.result, strict=True)
    )
    return StageGrowth(stage, WORKS[stage].what, grid.base, tuple(points))


def measure_sizes(
    stage: str, sizes: list[dict[str, Any]], repeats: int
) -> list[tuple[list[float], float]]:
    """The seconds of each repeat and the memory, in megabytes, at each size, in this process."""
    work = WORKS[stage]
    work.prepare(SMALLEST)()
    bare = resident_mb()
    return [measure_size(work, Size(**size), repeats=repeats, bare_mb=bare) for size in sizes]


def measure_size(
    stage: StageWork, size: Size, *, repeats: int, bare_mb: float
) -> tuple[list[float], float]:
    """Seconds of each repeat, and memory in the run before these.

    Args:
        stage: whose work is measured.
        size: of the inputs.
        repeats: how often it is timed; a first run of :data:`LONG` counts as the only one.
        bare_mb: what the process took before there were inputs, in megabytes of 10^6 bytes.
    """
    work = stage.prepare(size)
    give_back_freed()
    with measure() as usage:
        work()
    if usage.seconds >= LONG:
        seconds = [usage.seconds]
    else:
        seconds = time_in_turns({"work": work}, repeats=repeats, warm_up=0)["work"]
    return seconds, usage.peak_memory_mb * 2**20 / 1e6 - bare_mb


def resident_mb() -> float:
    """Resident memory of this process, in megabytes of 10^6 bytes."""
    give_back_freed()
    return float(psutil.Process().memory_info().rss) / 1e6


def give_back_freed() -> None:
    """Memory that was freed does not count, where the C library can be told so."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
