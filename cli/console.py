"""Showing progress: bars on a terminal, plain lines elsewhere; tables that fit it."""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TimeRemainingColumn,
)
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ucls.cache import STDOUT
from ucls.progress import (
    SILENT,
    Advance,
    PlainReporter,
    Reporter,
    format_figures,
    format_rate,
)

SHORTEST_BAR, LONGEST_BAR = 6, 40
WIDE = 250


def console_reporter(*, quiet: bool = False) -> Reporter:
    """The reporter that fits where the output goes; progress goes to stderr."""
    if quiet:
        return SILENT
    return TerminalReporter() if sys.stderr.isatty() else PlainReporter()


def apart_from(out: Path) -> AbstractContextManager[Any]:
    """Sends what is printed to stderr where standard output takes the results."""
    return redirect_stdout(sys.stderr) if out == STDOUT else nullcontext()


def new_console() -> Console:
    """A console for tables; a pipe or a file has room for wide ones."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    return console


def print_table(
    rows: Sequence[Mapping[str, str]],
    least_needed: Sequence[tuple[str, ...]] = (),
    *,
    numbers: Collection[str] = (),
    narrowest: int = 20,
    **style: Any,
) -> None:
    """Prints a table without the columns that have no room.

    Args:
        rows: what stands under each heading; at least one, all with the same headings.
        least_needed: the headings that are left out together, those needed least come first.
        numbers: the headings of columns that are flush right.
        narrowest: how far the first column may be folded before others are left out.
        style: as ``rich.table.Table`` takes it.
    """
    console = new_console()
    boundless = console.options.update_width(1_000_000)
    shown = list(rows[0])
    for left_out in ((), *least_needed):
        shown = [heading for heading in shown if heading not in left_out]
        table = Table(**{"show_edge": False, "pad_edge": False, **style})
        for heading in shown:
            justify: Any = "right" if heading in numbers else "left"
            table.add_column(heading, justify=justify, no_wrap=heading != shown[0], overflow="fold")
        for row in rows:
            table.add_row(*(escape(row[heading]) for heading in shown))
        table.columns[0].max_width = narrowest
        if console.measure(table, options=boundless).maximum <= console.width:
            break
    table.columns[0].max_width = None
    console.print(table)


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
        """Shows a bar with the time left, the latest figures and the rate."""
        line = OneLine(self.console, unit)
        with Progress(line, console=self.console, transient=True) as progress:
            task = progress.add_task(description, total=total, completed=done, figures="")

            def advance(amount: int = 1, /, **figures: float | str) -> None:
                progress.update(task, advance=amount)
                if figures:
                    progress.update(task, figures=format_figures(figures).lstrip(", "))

            yield advance


class OneLine(ProgressColumn):
    """All about a task on one line; what has no room is left out, the rate first."""

    def __init__(self, console: Console, unit: str) -> None:
        super().__init__()
        self.console = console
        self.unit = unit
        self.count, self.time_left = MofNCompleteColumn(), TimeRemainingColumn()

    def render(self, task: Task) -> Table:
        """Renders the description, a bar as long as there is room, and the facts."""
        description = Text(task.description)
        description.truncate(self.console.width // 2, overflow="ellipsis")
        known = [text for text in (Text(task.fields["figures"]), self._rate(task)) if text]
        facts = [self.count.render(task), self.time_left.render(task), *known]
        while (room := self._room(description, *facts)) < SHORTEST_BAR and facts:
            facts.pop()
        bar = ProgressBar(task.total, task.completed, width=min(room, LONGEST_BAR))
        line = Table.grid(padding=(0, 1))
        line.add_row(description, bar, *facts)
        return line

    def _room(self, *texts: Text) -> int:
        return self.console.width - sum(text.cell_len + 1 for text in texts)

    def _rate(self, task: Task) -> Text:
        """Units per second; empty until it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{format_rate(speed)} {self.unit}/s")
