"""Tables: as Markdown, as CSV, or on the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ucls.cache import write_csv

WIDE = 160
"""Columns of a log, which is not cut at the width of a terminal that is not there."""


class Table(NamedTuple):
    """Cells as they are to be shown; so many columns from the first are set to the left."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_left: int = 1

    def markdown(self) -> str:
        """Lines of Markdown with the columns aligned, the last line ended too."""
        columns = list(zip(self.headings, *self.rows, strict=True))
        widths = [max(3, *map(len, column)) for column in columns]
        pads = [str.ljust] * self.n_left + [str.rjust] * (len(widths) - self.n_left)
        rule = [pad("-" if pad is str.ljust else ":", width, "-")
                for pad, width in zip(pads, widths, strict=True)]  # fmt: skip
        lines = [
            " | ".join(
                pad(cell, width) for pad, cell, width in zip(pads, cells, widths, strict=True)
            )
            for cells in (self.headings, rule, *self.rows)
        ]
        return "".join(f"| {line} |\n" for line in lines)

    def write_csv(self, path: Path) -> None:
        """Writes the cells, atomically."""
        write_csv(path, self.headings, self.rows)

    def show(self) -> None:
        """Prints the table on the terminal."""
        # Only here, for the sake of processes whose memory is measured.
        from rich import box
        from rich.console import Console
        from rich.table import Table as RichTable

        shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column, heading in enumerate(self.headings):
            shown.add_column(heading, justify="left" if column < self.n_left else "right")
        for cells in self.rows:
            shown.add_row(*cells)
        console = Console(markup=False)
        if not console.is_terminal:
            console.width = WIDE
        console.print(shown)
