"""One stage at several sizes in a process that does nothing else, so that its memory is its own.

Run by ``benchmarks.speed.growth.measuring``, with the sizes as JSON on the standard input:
python -m benchmarks.speed.growth.process STAGE REPEATS
"""

import ctypes
import json
import sys
import time
from typing import Any

import psutil

from benchmarks.speed.growth.sizes import Size
from benchmarks.speed.growth.works import BATCH_SIZE, WORKS, StageWork
from ucls.usage import measure

SMALLEST = Size(BATCH_SIZE, 4, 2, 16)
"""Makes libraries load what they load late."""
LONG = 10.0
"""Seconds, beside which a cold start is nothing."""


def main() -> None:
    """Prints a line of JSON for each size."""
    stage, repeats = WORKS[sys.argv[1]], int(sys.argv[2])
    sizes = [Size(*size) for size in json.load(sys.stdin)]
    stage.prepare(SMALLEST)()
    bare = resident_mb()
    for size in sizes:
        print(json.dumps(measure_size(stage, size, repeats=repeats, bare_mb=bare)), flush=True)


def measure_size(stage: StageWork, size: Size, *, repeats: int, bare_mb: float) -> dict[str, Any]:
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
        repeats = 0
    seconds = [] if repeats else [usage.seconds]
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "memory_mb": usage.peak_memory_mb * 2**20 / 1e6 - bare_mb}


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


if __name__ == "__main__":
    main()
