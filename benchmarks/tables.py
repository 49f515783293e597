"""Tables: as Markdown, as CSV, or on the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ucls.cache import write_csv

WIDE = 160
"""Columns of a log, which is not cut at the width of a terminal that is not there."""


@dataclass(frozen=True)
class Table:
    """Cells as they are to be shown.

    Attributes:
        headings: of the columns.
        rows: as many cells each.
        n_left: how many columns, from the first, are set to the left; the others to the right.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_left: int = 1

    def markdown(self) -> str:
        """Lines of Markdown with the columns aligned, the last line ended too."""
        columns = list(zip(self.headings, *self.rows, strict=True))
        widths = [max(3, *map(len, column)) for column in columns]
        rule = [
            "-" * width if column < self.n_left else "-" * (width - 1) + ":"
            for column, width in enumerate(widths)
        ]
        lines = [self.headings, rule, *self.rows]
        return "".join(f"| {' | '.join(self._padded(cells, widths))} |\n" for cells in lines)

    def write_csv(self, path: Path) -> None:
        """Writes the cells, atomically.

        Raises:
            UclsError: if the disk does not take it.
        """
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

    def _padded(self, cells: Sequence[str], widths: Sequence[int]) -> list[str]:
        return [
            cell.ljust(width) if column < self.n_left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
