"""How large inputs are, and what a measurement is: ours and a reference, timed in turns."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.records import Record
from ucls.report.table import Table

Work = Callable[[], object]

AXES = {"N": "n_images", "C": "n_clusters", "H": "n_heads", "D": "n_features"}


@dataclass(frozen=True, order=True)
class Size:
    """What a stage can grow with; D is a class token and a patch mean side by side."""

    n_images: int
    n_clusters: int
    n_heads: int = 1
    n_features: int = 1

    @property
    def cap(self) -> int:
        """N / C, the most neighbours of an image."""
        return self.n_images // self.n_clusters

    def on_axis(self, letter: str) -> int:
        """N, C, H or D."""
        return int(getattr(self, AXES[letter]))

    def with_axis(self, letter: str, value: int) -> "Size":
        """The same with another N, C, H or D."""
        return replace(self, **{AXES[letter]: value})

    def text(self, letters: Iterable[str] = AXES) -> str:
        """Such as ``N=8,192, C=64``."""
        return ", ".join(f"{letter}={self.on_axis(letter):,}" for letter in letters)


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
        return tuple(np.quantile(self.ratios, [0.25, 0.75]).tolist())

    def cells(self) -> list[str]:
        """Its line in a table."""
        facts = "  ".join(
            f"{name} {fact if isinstance(fact, str) else f'{fact:.4g}'}"
            for name, fact in self.facts.items()
        )
        times = map(seconds_text, (self.seconds, self.reference_seconds))
        spread = "{:.3g}-{:.3g}".format(*self.spread) if len(self.seconds) > 1 else "once"
        return [self.name, self.against, *times, f"{self.ratio:.3g}", spread, facts]


@dataclass(frozen=True, kw_only=True)
class SpeedRecord(Record):
    """What one run of ``speed`` measured."""

    made_by = "speed"

    measurements: list[Measurement]


def show_measurements(measurements: Iterable[Measurement]) -> None:
    """Prints a line for each ratio."""
    headings = ("", "against", "ours", "reference", "ratio", "quartiles", "further")
    Table(headings, [one.cells() for one in measurements], n_left=2).show()


def time_once(work: Work) -> float:
    """The seconds of some work, the GPU's included."""
    # Work that has not loaded torch keeps no GPU busy, and its memory is measured without torch.
    torch = sys.modules.get("torch")
    synchronize = torch.cuda.synchronize if torch and torch.cuda.is_available() else int
    synchronize()
    started = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - started


def against_each(
    name: str, ours: Work, references: Mapping[str, Work], *, repeats: int, warm_up: int = 1
) -> list[Measurement]:
    """Times ours and each reference in turns, so that noise meets all alike."""
    works = {"ours": ours, **references}
    turns = [
        {key: time_once(work) for key, work in works.items()} for _ in range(warm_up + repeats)
    ][warm_up:]
    seconds = {key: [turn[key] for turn in turns] for key in works}
    return [Measurement(name, other, seconds["ours"], seconds[other]) for other in references]


def seconds_text(seconds: Sequence[float]) -> str:
    """The median of some seconds, in the unit that suits it."""
    median = float(np.median(seconds))
    if median >= 1.0:
        return f"{median:.2f} s"
    return f"{median * 1e3:.1f} ms" if median >= 1e-3 else f"{median * 1e6:.0f} us"
