"""What a measurement is: ours and a reference, timed in turns."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.records import Record
from benchmarks.tables import Table

Work = Callable[[], object]

HEADINGS = ("", "against", "ours", "reference", "ratio", "quartiles", "further")


@dataclass(frozen=True)
class Measurement:
    """The seconds of the same work by ours and by a reference, in turns, and further figures."""

    name: str
    against: str
    seconds: list[float]
    reference_seconds: list[float]
    facts: dict[str, float | str] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """Ours over the reference in each turn; below 1, ours is faster."""
        turns = zip(self.seconds, self.reference_seconds, strict=True)
        return [ours / reference for ours, reference in turns]

    @property
    def ratio(self) -> float:
        """The median of :attr:`ratios`."""
        return float(np.median(self.ratios))

    @property
    def spread(self) -> tuple[float, float]:
        """The lower and the upper quartile of :attr:`ratios`."""
        low, high = np.quantile(self.ratios, [0.25, 0.75])
        return float(low), float(high)

    def cells(self) -> list[str]:
        """Its line in a table with :data:`HEADINGS`."""
        facts = (
            f"{name} {fact}" if isinstance(fact, str) else f"{name} {fact:.4g}"
            for name, fact in self.facts.items()
        )
        return [
            self.name,
            self.against,
            seconds_text(self.seconds),
            seconds_text(self.reference_seconds),
            f"{self.ratio:.3g}",
            "{:.3g}-{:.3g}".format(*self.spread) if len(self.seconds) > 1 else "once",
            "  ".join(facts),
        ]


@dataclass(frozen=True, kw_only=True)
class SpeedRecord(Record):
    """What one run of ``speed`` measured."""

    made_by = "speed"

    measurements: list[Measurement]


def show_measurements(measurements: Iterable[Measurement]) -> None:
    """Prints a line for each ratio."""
    Table(HEADINGS, [one.cells() for one in measurements], n_left=2).show()


def time_in_turns(
    works: Mapping[str, Work], *, repeats: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds of several works in turns, so that noise meets all alike; some turns do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(warm_up + repeats):
        for name, work in works.items():
            taken = time_once(work)
            if turn >= warm_up:
                seconds[name].append(taken)
    return seconds


def time_once(work: Work) -> float:
    """The seconds of some work, the GPU's included."""
    synchronize()
    started = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - started


def against_each(
    name: str, ours: Work, references: Mapping[str, Work], *, repeats: int, warm_up: int = 1
) -> list[Measurement]:
    """Times ours and each reference in turns."""
    seconds = time_in_turns({"ours": ours, **references}, repeats=repeats, warm_up=warm_up)
    return [Measurement(name, other, seconds["ours"], seconds[other]) for other in references]


def synchronize() -> None:
    """Waits for the GPU, if there is one."""
    # Work that has not loaded torch keeps no GPU busy, and its memory is measured without torch.
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds_text(seconds: Sequence[float]) -> str:
    """The median of some seconds, in the unit that suits it."""
    median = float(np.median(seconds))
    if median >= 1.0:
        return f"{median:.2f} s"
    return f"{median * 1e3:.1f} ms" if median >= 1e-3 else f"{median * 1e6:.0f} us"
