"""Markdown tables that read well as they are."""

from collections.abc import Sequence


def format_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, n_left: int = 1) -> str:
    """Writes a table with its columns aligned.

    Args:
        headings: of the columns.
        rows: cells as they are to be shown.
        n_left: how many columns, from the first, are set to the left; the others to the right.
    """
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(3, *map(len, column)) for column in columns]
    lines = [_line(row, widths, n_left) for row in (headings, *rows)]
    rule = [
        "-" * width if i < n_left else "-" * (width - 1) + ":" for i, width in enumerate(widths)
    ]
    return "\n".join([lines[0], _line(rule, widths, n_left), *lines[1:]]) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int], n_left: int) -> str:
    padded = [
        cell.ljust(width) if i < n_left else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
