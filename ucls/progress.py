"""How long work tells of its progress, and who may listen in Python and in logs."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

FIRST_LINE_AFTER = 2.0
SECONDS_BETWEEN_LINES = 10.0


class Advance(Protocol):
    """Moves one progress bar."""

    def __call__(self, amount: int = 1, /, **figures: float | str) -> None:
        """Adds ``amount`` units; ``figures`` (a loss, the bottleneck) are shown beside the bar."""


class Reporter(Protocol):
    """What a stage needs of whoever watches it."""

    def say(self, message: str, /) -> None:
        """Shows one line."""

    def warn(self, message: str, /) -> None:
        """Shows one line that nobody may miss, also where all else is silent."""

    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> AbstractContextManager[Advance]:
        """Opens a progress bar over ``total`` units, ``done`` of which are done already."""


def ignore_progress(amount: int = 1, /, **figures: float | str) -> None:
    """An :class:`Advance` that nobody watches."""


class SilentReporter:
    """A :class:`Reporter` that shows warnings only; the default in Python."""

    def say(self, message: str, /) -> None:
        """Drops the line."""

    def warn(self, message: str, /) -> None:
        """Shows one line."""
        print(f"WARNING: {message}", file=sys.stderr, flush=True)

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        """Yields an advance that does nothing."""
        yield ignore_progress


SILENT = SilentReporter()


class MuteReporter(SilentReporter):
    """A :class:`Reporter` that shows nothing, as where another process tells the same."""

    def warn(self, message: str, /) -> None:
        """Drops the line."""


MUTE = MuteReporter()


class PlainReporter(SilentReporter):
    """One line now and then, for logs."""

    def say(self, message: str, /) -> None:
        """Shows one line."""
        print(message, file=sys.stderr, flush=True)

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        """Prints a line after two seconds, then one every ten."""
        started = time.perf_counter()
        state = {"done": done, "next_line": started + FIRST_LINE_AFTER}
        latest: dict[str, float | str] = {}

        def advance(amount: int = 1, /, **figures: float | str) -> None:
            state["done"] += amount
            latest.update(figures)
            now = time.perf_counter()
            if amount and now >= state["next_line"]:
                state["next_line"] = now + SECONDS_BETWEEN_LINES
                rate = (state["done"] - done) / (now - started)
                left = (total - state["done"]) / rate
                self.say(
                    f"{description}: {state['done']:,.0f} of {total:,} {unit}, "
                    f"{format_rate(rate)} {unit}/s, {left:,.0f} s left{format_figures(latest)}"
                )

        yield advance


def format_rate(rate: float) -> str:
    """Whole numbers from 10 on, two digits below."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def format_figures(figures: dict[str, float | str]) -> str:
    """Writes figures as ``, epoch 5, loss -1.234, bottleneck decode``."""
    return "".join(
        f", {name} {value:.3f}" if isinstance(value, float) else f", {name} {value}"
        for name, value in figures.items()
    )
