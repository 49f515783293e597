"""What a measurement is: ours and a reference, timed in turns."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

Work = Callable[[], object]
Seconds = dict[str, list[float]]


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
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """Ours over the reference in each turn; below 1, ours is faster."""
        return [
            ours / reference
            for ours, reference in zip(self.seconds, self.reference_seconds, strict=True)
        ]

    @property
    def ratio(self) -> float:
        """The median of :attr:`ratios`."""
        return float(np.median(self.ratios))

    @property
    def spread(self) -> tuple[float, float]:
        """The lower and the upper quartile of :attr:`ratios`."""
        low, high = np.quantile(self.ratios, [0.25, 0.75])
        return float(low), float(high)


def time_in_turns(works: Mapping[str, Work], *, repeats: int, warm_up: int = 1) -> Seconds:
    """Times several works in turns, so that noise meets all of them alike.

    Args:
        works: by name.
        repeats: turns that are timed.
        warm_up: turns before that are not.

    Returns:
        The seconds of each work, a number for each turn.
    """
    seconds: Seconds = {name: [] for name in works}
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
    """Times ours and each reference in turns.

    Args:
        name: what is done.
        ours: our work.
        references: what it is measured against, by name.
        repeats: turns that are timed.
        warm_up: turns before that are not.
    """
    seconds = time_in_turns({"ours": ours, **references}, repeats=repeats, warm_up=warm_up)
    return [
        Measurement(name, reference, seconds["ours"], seconds[reference])
        for reference in references
    ]


def synchronize() -> None:
    """Waits for the GPU, if there is one."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
