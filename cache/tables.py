"""CSV files."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ucls.cache.files import atomic_write


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes rows as they come, atomically, in UTF-8 with Unix line ends.

    Names of files that are not UTF-8 are written as the bytes that they are.

    Raises:
        UclsError: when the disk does not take it.
    """
    with (
        atomic_write(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
