"""Steps of long work: how long each took, and its memory over time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from threading import Event, Thread

import psutil

SECONDS_BETWEEN_SAMPLES = 0.5
N_PARTS = 10


@dataclass(frozen=True)
class Step:
    """Seconds and peak resident memory, with Python and its packages, in 10^6 bytes.

    ``samples`` are the memory every half second, where it was looked at.
    """

    name: str
    seconds: float
    peak_mb: float
    samples: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.seconds:,.1f} s, {self.peak_mb:,.0f} MB"

    @property
    def parts(self) -> list[float]:
        """The largest sample in each tenth of the time; fewer where there are fewer samples."""
        ends = [len(self.samples) * number // N_PARTS for number in range(N_PARTS + 1)]
        return [max(self.samples[start:stop]) for start, stop in pairwise(ends) if start < stop]


@contextmanager
def sampled_memory() -> Iterator[list[float]]:
    """Gathers the resident memory of this process, in megabytes of 10^6 bytes."""
    samples: list[float] = []
    process, is_over = psutil.Process(), Event()

    def sample() -> None:
        while not is_over.wait(SECONDS_BETWEEN_SAMPLES):
            samples.append(round(process.memory_info().rss / 1e6, 1))

    thread = Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()


def megabytes(values: Sequence[float]) -> str:
    """Whole megabytes, one after the other."""
    return ", ".join(f"{value:,.0f}" for value in values)
