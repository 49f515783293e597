"""Measures a stage at the sizes of a grid, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.speed.growth.points import Point, StageGrowth
from benchmarks.speed.growth.sizes import Grid, Size
from benchmarks.speed.growth.works import WORKS
from ucls.errors import UclsError
from ucls.progress import Advance, ignore_progress

REPOSITORY = Path(__file__).resolve().parents[3]


def measure_growth(
    stage: str, grid: Grid, *, repeats: int, advance: Advance = ignore_progress
) -> StageGrowth:
    """Measures one stage.

    Args:
        stage: its name, see :data:`benchmarks.speed.growth.works.WORKS`.
        grid: of sizes.
        repeats: how often each is timed, after a first run that tells the memory.
        advance: told of each size.

    Raises:
        UclsError: if the process fails, for instance for want of memory.
    """
    points = []
    for point in measure_points(stage, grid.sizes(), repeats=repeats):
        points.append(point)
        advance(1)
    return StageGrowth(stage, WORKS[stage].what, grid.base, tuple(points))


def measure_points(stage: str, sizes: list[Size], *, repeats: int) -> Iterator[Point]:
    """Each size as soon as it is measured."""
    command = [sys.executable, "-m", "benchmarks.speed.growth.process", stage, str(repeats)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(sizes))
            process.stdin.close()
            for size, line in zip(sizes, process.stdout, strict=False):
                figures = json.loads(line)
                yield Point(size, tuple(figures["seconds"]), figures["memory_mb"])
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise UclsError(
            f"measuring {stage} stopped with exit code {process.returncode}; what it said is above"
        )
