"""Time and memory that a piece of work takes."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CLEAR_PEAK = "5"


@dataclass
class Usage:
    """Filled in when the measured block ends."""

    seconds: float = 0.0
    peak_memory_mb: float = 0.0


@contextmanager
def measure() -> Iterator[Usage]:
    """Measures wall time and the peak resident memory of this process within the block."""
    usage = Usage()
    resets = _reset_peak()
    started = time.perf_counter()
    try:
        yield usage
    finally:
        usage.seconds = round(time.perf_counter() - started, 3)
        usage.peak_memory_mb = round(_peak_of_block() if resets else _peak_of_process(), 1)


def _reset_peak() -> bool:
    """Linux can start the peak anew; elsewhere the peak is that of the whole process."""
    try:
        Path("/proc/self/clear_refs").write_text(CLEAR_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _peak_of_block() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 1024
    return _peak_of_process()


def _peak_of_process() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024
