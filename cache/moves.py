"""Moves of files on disk: ``undo.csv``, from which they can be taken back."""

import csv
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ucls.cache.tables import write_csv
from ucls.errors import UsageError
from ucls.wording import cause

UNDO = "undo.csv"
_HEADER = ("from", "to")


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
    path = folder / UNDO
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = csv.reader(file, strict=True)
        if tuple(header) != _HEADER:
            raise ValueError(f"its columns are {', '.join(header)}")
        for row in rows:
            _check(*row)
        return dict(rows)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {cause(error)}") from error
    except (ValueError, TypeError, csv.Error) as error:
        raise UsageError(
            f"expected {path} as `ucls sort --move` wrote it, got something else ({error}): "
            "bring that file back, or move the images by hand"
        ) from error


def _check(origin: str, place: str) -> None:
    inner = PurePosixPath(place)
    if not Path(origin).is_absolute() or inner.is_absolute() or ".." in inner.parts:
        raise ValueError(f"it moves {place} to {origin}")
