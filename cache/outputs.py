"""Files that a user names to be written: what is the user's own is never replaced."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from ucls.cache import run_files as files
from ucls.cache.files import check_folder, check_replaceable
from ucls.errors import UsageError

STDOUT = Path("-")
"""Stands for standard output."""

_CELLS = {"cluster": r"-?\d+", "confidence": r"\d+\.\d{4}", "probability": r"\d+\.\d{4}"}


def check_output(
    path: Path,
    *,
    is_own: Callable[[Path], bool],
    overwrite: bool | None = None,
    protected: Iterable[Path] = (),
    reserved: Iterable[str] = (),
) -> None:
    """Checks, before any work, that a command may write to a path.

    A file that is there has to be a regular one, and one that the command wrote, unless
    ``overwrite``. Missing folders are fine, but for one at the root of the disk.

    Args:
        path: what the user named; :data:`STDOUT` is always fine.
        is_own: whether a file is what the command wrote earlier.
        overwrite: replace a file of another origin; None where no option offers that.
        protected: files that are never replaced, as the command reads them.
        reserved: patterns of names that are UCLS's own in a run folder.

    Raises:
        UsageError: if it may not, and why.
    """
    if path == STDOUT:
        if sys.stdout is None:
            raise UsageError("there is no standard output, as it is closed: choose a file")
        return
    remedies = ("choose another file", "" if overwrite is None else "--out - for standard output")
    check_replaceable(path, remedy=", or ".join(filter(None, remedies)))
    check_folder(path.parent)
    if (path.parent / files.RECORD).is_file() and any(
        fnmatchcase(path.name.lower(), name) for name in (files.RECORD, files.LOCK, *reserved)
    ):
        raise UsageError(f"{path} belongs to the run itself: choose another --out")
    if not path.is_file():
        return
    if any(_is_same(path, file) for file in protected):
        raise UsageError(
            f"{path} is one of the files that this command reads: choose another --out"
        )
    if not overwrite and not is_own(path):
        option = "" if overwrite is None else ", or pass --overwrite"
        raise UsageError(
            f"{path} exists and was not written by this command: choose another file{option}"
        )


def has_table(*headers: Sequence[str]) -> Callable[[Path], bool]:
    """Returns a test of whether a file is a CSV that UCLS wrote with the columns of a header."""

    def test(path: Path) -> bool:
        return any(_is_table(path, header) for header in headers)

    return test


def has_json_lines(*headers: Sequence[str]) -> Callable[[Path], bool]:
    """Returns a test of whether a file begins with a JSON object of the columns of a header."""

    def test(path: Path) -> bool:
        try:
            with path.open(encoding="utf-8") as file:
                first = json.loads(file.readline())
        except (OSError, ValueError):
            return False
        return isinstance(first, dict) and tuple(first) in map(tuple, headers)

    return test


def _is_table(path: Path, header: Sequence[str]) -> bool:
    patterns = [re.compile(_CELLS.get(name, ".*"), re.DOTALL) for name in header]

    def fits(row: Sequence[str]) -> bool:
        return len(row) == len(header) and all(
            pattern.fullmatch(cell) for pattern, cell in zip(patterns, row, strict=True)
        )

    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return file.readline() == ",".join(header) + "\n" and all(
                map(fits, csv.reader(file, strict=True))
            )
    except (OSError, csv.Error):
        return False


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # there is no such file
        return False
