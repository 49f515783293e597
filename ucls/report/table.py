"""Tables: as Markdown, as CSV, or on the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ucls.cache import atomic_write, write_csv

WIDE = 160  # Columns of a log, which is not cut at the width of a terminal that is not there.


class Table(NamedTuple):
    """Cells as they are to be shown; so many columns from the first are set to the left."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_left: int = 1

    def markdown(self) -> str:
        """Lines of Markdown with the columns aligned, the last line ended too."""
        columns = []
        for number, cells in enumerate(zip(self.headings, *self.rows, strict=True)):
            width = max(3, *map(len, cells))
            pad, end = (str.ljust, "-") if number < self.n_left else (str.rjust, ":")
            heading, *rest = (pad(cell, width) for cell in cells)
            columns.append([heading, end.rjust(width, "-"), *rest])
        return "".join(f"| {' | '.join(line)} |\n" for line in zip(*columns, strict=True))

    def write_markdown(self, path: Path) -> None:
        """Writes the lines of Markdown, atomically."""
        with atomic_write(path) as partial:
            partial.write_text(self.markdown(), encoding="utf-8")

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
