"""Sorted image files back to where they came from."""

# pathlib takes many seconds more for a million files.
# ruff: noqa: PTH103, PTH108, PTH118, PTH120, PTH121

import os
from pathlib import Path
from typing import NamedTuple

from ucls.cache.moves import UNDO, read_moves, write_moves
from ucls.errors import UclsError, UsageError
from ucls.images.transfer import is_copy_of, move, remove_if_empty
from ucls.progress import SILENT, Reporter
from ucls.wording import cause

AT_ONCE = 256
"""Files between two steps of the progress."""


class Unsorted(NamedTuple):
    """How it went.

    Attributes:
        n_back: files that were moved back, or would be.
        n_skipped: files that were not moved away, or are back already.
        taken: where something else is now; what belongs there stays where it is.
        gone: files that are in neither place.
    """

    n_back: int
    n_skipped: int
    taken: list[str]
    gone: list[str]


def unsort(folder: str | Path, *, dry_run: bool = False, reporter: Reporter = SILENT) -> Unsorted:
    """Takes back what ``ucls sort --move`` did, by its ``undo.csv``; overwrites nothing.

    It may be stopped at any moment, and done again. Folders that are empty then are removed, and
    so is ``undo.csv`` unless files stay where they are.

    Args:
        folder: that the images were sorted into.
        dry_run: only find out what would be done.
        reporter: shown what happens.

    Raises:
        UsageError: if there is no such file, or it is damaged.
        UclsError: if the disk does not take it.
    """
    to = Path(folder)
    moves = read_moves(to)
    if not moves:
        raise UsageError(
            f"there is nothing to undo in {to}: expected a folder with {UNDO}, which "
            "`ucls sort --move` leaves"
        )
    back, skipped, taken, gone = [], 0, [], []
    for origin, place in moves.items():
        current = os.path.join(to, place)
        is_back, is_here = os.path.lexists(origin), os.path.lexists(current)
        if not is_here:
            skipped += is_back
            gone += [] if is_back else [origin]
        elif not is_back or _is_second_copy(origin, current):
            back.append((origin, current))
        else:
            taken.append(origin)
    if not dry_run:
        _move_back(back, reporter)
        _clean_up(to, moves, taken)
    return Unsorted(len(back), skipped, taken, gone)


def _move_back(files: list[tuple[str, str]], reporter: Reporter) -> None:
    with reporter.track("undo", len(files), "images") as advance:
        for start in range(0, len(files), AT_ONCE):
            chunk = files[start : start + AT_ONCE]
            for origin, current in chunk:
                _put_back(origin, current)
            advance(len(chunk))


def _put_back(origin: str, current: str) -> None:
    try:
        if os.path.lexists(origin) and _is_second_copy(origin, current):
            os.unlink(current)
            return
        os.makedirs(os.path.dirname(origin), exist_ok=True)
        move(current, origin)
    except OSError as error:
        raise UclsError(
            f"cannot move {current} back to {origin}: {cause(error) or error}; "
            "what was done until here stays, and the same command goes on"
        ) from error


def _is_second_copy(origin: str, current: str) -> bool:
    """Whether a move to another file system was stopped before its end, as both files say."""
    return is_copy_of(origin, current) and not os.path.samefile(origin, current)


def _clean_up(to: Path, moves: dict[str, str], taken: list[str]) -> None:
    if taken:
        write_moves(to, {origin: moves[origin] for origin in taken})
    else:
        (to / UNDO).unlink()
    for folder in (*{to / os.path.dirname(place) for place in moves.values()}, to):
        remove_if_empty(str(folder))
