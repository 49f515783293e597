"""Showing progress: bars on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ucls.progress import (
    SILENT,
    Advance,
    PlainReporter,
    Reporter,
    format_figures,
    format_rate,
)


def console_reporter(*, quiet: bool = False) -> Reporter:
    """The reporter that fits where the output goes; progress goes to stderr."""
    if quiet:
        return SILENT
    return TerminalReporter() if sys.stderr.isatty() else PlainReporter()


def new_console() -> Console:
    """A console for tables; a pipe or a file has room for wide ones."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 120)
    return console


class TerminalReporter:
    """Progress bars that vanish when they are full, and lines that stay."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)

    def say(self, message: str, /) -> None:
        """Shows one line."""
        self.console.print(message, markup=False, soft_wrap=True)

    def warn(self, message: str, /) -> None:
        """Shows one line."""
        self.say(f"WARNING: {message}")

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        """Shows a bar with the rate, the time left and the latest figures."""
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(unit),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            transient=True,
        ) as progress:
            task = progress.add_task(description, total=total, completed=done, figures="")

            def advance(amount: int = 1, /, **figures: float | str) -> None:
                progress.update(task, advance=amount)
                if figures:
                    progress.update(task, figures=format_figures(figures).lstrip(", "))

            yield advance


class RateColumn(ProgressColumn):
    """Units per second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """Renders nothing until a rate is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{format_rate(speed)} {self.unit}/s")
