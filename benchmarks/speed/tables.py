"""Measurements and changes as tables for a terminal."""

from collections.abc import Iterable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.speed.compare import Change
from benchmarks.speed.measurement import Measurement


def show_measurements(measurements: Iterable[Measurement]) -> None:
    """Prints a line for each ratio."""
    table = _table("", "against", "ours", "reference", "ratio", "quartiles", "")
    for entry in measurements:
        low, high = entry.spread
        table.add_row(
            entry.name,
            entry.against,
            seconds_text(entry.seconds),
            seconds_text(entry.reference_seconds),
            f"{entry.ratio:.3g}",
            f"{low:.3g}-{high:.3g}" if len(entry.ratios) > 1 else "once",
            "  ".join(f"{name} {value:.4g}" for name, value in entry.facts.items()),
        )
    _console().print(table)


def show_changes(changes: Iterable[Change]) -> None:
    """Prints a line for each ratio before and after."""
    table = _table("", "against", "before", "after", "change", "")
    for change in changes:
        relative = change.relative
        table.add_row(
            change.name,
            change.against,
            "-" if change.before is None else f"{change.before.ratio:.3g}",
            "-" if change.after is None else f"{change.after.ratio:.3g}",
            "-" if relative is None else f"{relative:+.0%}",
            change.verdict,
        )
    _console().print(table)


def seconds_text(seconds: Sequence[float]) -> str:
    """The median of some seconds, in the unit that suits it."""
    median = float(np.median(seconds))
    if median >= 1.0:
        return f"{median:.2f} s"
    return f"{median * 1e3:.1f} ms" if median >= 1e-3 else f"{median * 1e6:.0f} us"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column in ("ours", "reference", "ratio", "before", "after", "change")
        table.add_column(column, justify="right" if right else "left")
    return table


def _console() -> Console:
    # Tables in the log of a CI are not cut at the width of a terminal that is not there.
    console = Console()
    return console if console.is_terminal else Console(width=160)
