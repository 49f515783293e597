"""How long work tells of its progress, without knowing who listens."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Moves one progress bar."""

    def __call__(self, amount: int = 1, /, **figures: float | str) -> None:
        """Adds ``amount`` units; ``figures`` (a loss, the bottleneck) are shown beside the bar."""


class Reporter(Protocol):
    """What a stage needs of whoever watches it."""

    def say(self, message: str, /) -> None:
        """Shows one line."""

    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> AbstractContextManager[Advance]:
        """Opens a progress bar over ``total`` units, ``done`` of which are done already."""


def ignore_progress(amount: int = 1, /, **figures: float | str) -> None:
    """An :class:`Advance` that nobody watches."""


class SilentReporter:
    """A :class:`Reporter` that shows nothing; the default in Python."""

    def say(self, message: str, /) -> None:
        """Drops the line."""

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        """Yields an advance that does nothing."""
        yield ignore_progress


SILENT = SilentReporter()
