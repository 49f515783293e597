"""The figures of several methods as a table."""

from collections.abc import Mapping
from pathlib import Path

from ucls.report.table import Table

DIGITS = {
    "ACC": 3, "class ACC": 3, "NMI": 3, "NMI to ucls": 3, "clusters": 0, "largest": 0,
    "smallest": 0, "links cut": 3, "s": 1,
}  # fmt: skip
"""Of each column, in order; a column is left out where no method has its figure."""
FIRST = "method"


def bench_table(figures: Mapping[str, Mapping[str, float]]) -> Table:
    """A row for each method, from its figures by name."""
    columns = [name for name in DIGITS if any(name in row for row in figures.values())]
    rows = [
        [method, *(f"{row[name]:.{DIGITS[name]}f}" for name in columns)]
        for method, row in figures.items()
    ]
    return Table([FIRST, *columns], rows)


def is_bench_table(path: Path) -> bool:
    """Whether a file holds such a table, as CSV or Markdown."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().startswith((f"{FIRST},", f"| {FIRST} "))
    except (OSError, ValueError):
        return False
