"""What a measurement is: ours and a reference, timed in turns."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.records import Record
from benchmarks.tables import Table

Work = Callable[[], object]

HEADINGS = ("", "against", "ours", "reference", "ratio", "quartiles", "further")


@dataclass(frozen=True)
class Measurement:
    """The same work by ours and by a reference, several times in turns.

    Attributes:
        name: what was done, with its size.
        against: what ours is measured against.
        seconds: of ours, a number for each turn.
        reference_seconds: of the reference, as many.
        facts: further figures, such as peak memory or an accuracy.
    """

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
        low, high = self.spread
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
            f"{low:.3g}-{high:.3g}" if len(self.seconds) > 1 else "once",
            "  ".join(facts),
        ]


@dataclass(frozen=True, kw_only=True)
class SpeedRecord(Record):
    """What one run of ``speed`` measured.

    Attributes:
        measurements: in the order they were made.
    """

    made_by = "speed"

    measurements: list[Measurement]


def show_measurements(measurements: Sequence[Measurement]) -> None:
    """Prints a line for each ratio."""
    Table(HEADINGS, [one.cells() for one in measurements], n_left=2).show()


def time_in_turns(
    works: Mapping[str, Work], *, repeats: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Times several works in turns, so that noise meets all of them alike.

    Args:
        works: by name.
        repeats: turns that are timed.
        warm_up: turns before that are not.

    Returns:
        The seconds of each work, a number for each turn.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(warm_up + repeats):
        for name, work in works.items():
            synchronize()
            started = time.perf_counter()
            work()
            synchronize()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def against_each(
    name: str, ours: Work, references: Mapping[str, Work], *, repeats: int, warm_up: int = 1
) -> list[Measurement]:
    """Times ours and each reference in turns, see :func:`time_in_turns`."""
    seconds = time_in_turns({"ours": ours, **references}, repeats=repeats, warm_up=warm_up)
    return [
        Measurement(name, reference, seconds["ours"], seconds[reference])
        for reference in references
    ]


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
