"""What sorting does to files, on disk: moves to take back, links and copies that it made itself."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from ucls.cache.tables import write_csv
from ucls.errors import UsageError
from ucls.wording import cause

UNDO = "undo.csv"
MADE = ".ucls-sorted.csv"
_HEADER = ("from", "to")

Pair = tuple[str, str]
"""The absolute path of a file, and a path relative to the folder that it was brought to."""


def write_moves(folder: Path, moves: Mapping[str, str]) -> None:
    """Writes where files came from, before they are moved.

    Args:
        folder: that they are moved to.
        moves: the absolute path of a file to its path relative to the folder.

    Raises:
        UclsError: when the disk does not take it.
    """
    write_csv(folder / UNDO, _HEADER, moves.items())


def read_moves(folder: Path) -> dict[str, str]:
    """Reads what :func:`write_moves` wrote; empty if there is no such file.

    Raises:
        UsageError: if the file is damaged, or names files outside of the folder.
    """
    remedy = "bring that file back, or move the images by hand"
    return dict(_read_pairs(folder / UNDO, by="ucls sort --move", remedy=remedy))


def write_made(folder: Path, pairs: Iterable[Pair]) -> None:
    """Writes which links and copies are the work of sorting; for none there is no such file.

    Args:
        folder: that they lie in.
        pairs: the original of each, and where it lies.

    Raises:
        UclsError: when the disk does not take it.
    """
    if rows := sorted(pairs):
        write_csv(folder / MADE, _HEADER, rows)
    else:
        (folder / MADE).unlink(missing_ok=True)


def read_made(folder: Path) -> list[Pair]:
    """Reads what :func:`write_made` wrote; empty if there is no such file.

    Raises:
        UsageError: if the file is damaged, or names files outside of the folder.
    """
    remedy = f"bring that file back, or remove it, and what lies in {folder} stays where it is"
    return _read_pairs(folder / MADE, by="ucls sort", remedy=remedy)


def _read_pairs(path: Path, *, by: str, remedy: str) -> list[Pair]:
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = csv.reader(file, strict=True)
        if tuple(header) != _HEADER:
            raise ValueError(f"its columns are {', '.join(header)}")
        for row in rows:
            _check(*row)
        return [(origin, place) for origin, place in rows]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"cannot read {path}: {cause(error)}") from error
    except (ValueError, TypeError, csv.Error) as error:
        raise UsageError(
            f"expected {path} as `{by}` wrote it, got something else ({error}): {remedy}"
        ) from error


def _check(origin: str, place: str) -> None:
    inner = PurePosixPath(place)
    if not Path(origin).is_absolute() or inner.is_absolute() or ".." in inner.parts:
        raise ValueError(f"it moves {place} to {origin}")
