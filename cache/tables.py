"""Tables as CSV, or as JSON with a line for each row."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ucls.cache.files import atomic_write
from ucls.cache.outputs import STDOUT


class _UnixLines:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> None:
        """Takes one row, with its line end."""
        self._file.write(row.removesuffix("\r\n") + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes rows as they come, atomically, in UTF-8 with Unix line ends.

    Bytes of a file name that are not UTF-8 come through as they are.

    Args:
        path: of the file; :data:`ucls.cache.outputs.STDOUT` for standard output.
        header: the names of the columns.
        rows: the cells of each line.

    Raises:
        UclsError: when the disk does not take it.
    """
    with _opened(path) as file:
        # Written so, any kind of line end within a cell is put into quotes.
        writer = csv.writer(_UnixLines(file), lineterminator="\r\n")
        writer.writerow(header)
        # Else the processes that rows may start would do it, and take a closed pipe for theirs.
        file.flush()
        for row in rows:
            writer.writerow(row)
            _show(file, path)


def write_json_lines(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes each row as a JSON object on a line of its own; else as :func:`write_csv`.

    Bytes of a file name that are not UTF-8 become escapes, as JSON has them.
    """
    with _opened(path) as file:
        file.flush()
        for row in rows:
            file.write(json.dumps(dict(zip(header, row, strict=True))) + "\n")
            _show(file, path)


def _show(file: TextIO, path: Path) -> None:
    """Hands on what is written so far to whoever reads standard output."""
    if path == STDOUT:
        file.flush()


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if path == STDOUT:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(newline="", encoding="utf-8", errors="surrogateescape")
        yield sys.stdout
        return
    with (
        atomic_write(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        yield file
