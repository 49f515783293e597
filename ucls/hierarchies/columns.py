"""Hierarchies as tables: a class a line, then its superclass at each level."""

import csv
from pathlib import Path

from ucls.errors import UsageError
from ucls.hierarchies.levels import Level
from ucls.hierarchies.text import read_text

CLASS = "class"


def read_columns(path: Path) -> tuple[set[str], list[Level]]:
    """Reads a CSV, or a TSV, with a header of ``class`` and a name for each level.

    An empty cell leaves the class out at that level.

    Returns:
        The classes, and the levels in the order of the columns.

    Raises:
        UsageError: if there is no such header, a line has other columns, or a class has two
            superclasses.
    """
    lines = read_text(path).splitlines()
    header = lines[0] if lines else ""
    delimiter = "\t" if "\t" in header else ","
    names = [name.strip() for name in header.split(delimiter)]
    if names[0] != CLASS or len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(
            f"{path} begins with {header[:80]!r}: expected the header of a CSV or TSV, "
            "class,superclass or class and a name for each level"
        )
    found: dict[str, list[str]] = {}
    try:
        for number, row in enumerate(csv.reader(lines[1:], delimiter=delimiter, strict=True), 2):
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) != len(names):
                raise UsageError(
                    f"{path} has {len(cells)} columns in line {number}, but its header has "
                    f"{len(names)}: put names that hold a comma into quotes"
                )
            name, superclasses = cells[0], cells[1:]
            if found.setdefault(name, superclasses) != superclasses:
                raise UsageError(
                    f"{path} gives {name} two superclasses, {'/'.join(found[name])} and "
                    f"{'/'.join(superclasses)}: leave one line out"
                )
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV ({error}): save it as one") from error
    return set(found), [
        Level(level, {name: cells[i] for name, cells in found.items() if cells[i]})
        for i, level in enumerate(names[1:])
    ]
