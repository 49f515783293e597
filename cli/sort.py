"""``ucls sort``: the image files of a run in one folder for each cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ucls.cli.extract import MOST_LISTED
from ucls.cli.verbosity import chosen_reporter

if TYPE_CHECKING:
    from ucls.progress import Reporter
    from ucls.stages.sort import How, Sorted

EXAMPLE = "ucls sort runs/photos --to sorted/ --dry-run"

SHOWN = 3
"""Files of each folder that a dry run names."""

SortedRun = Annotated[
    Path | None, typer.Argument(metavar="RUN", help="A run folder; none with --undo.")
]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="FOLDER", help="Where to make a folder for each cluster."),
]
Copy = Annotated[bool, typer.Option("--copy", help="Copy the images instead of linking to them.")]
Move = Annotated[
    bool, typer.Option("--move", help="Move the images; --undo brings them back, by undo.csv.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check all and tell what would be done, but do nothing.")
]
Undo = Annotated[
    Path | None,
    typer.Option("--undo", metavar="FOLDER", help="Bring back what was moved to this folder."),
]


def command(
    run: SortedRun = None,
    *,
    to: To = None,
    copy: Copy = False,
    move: Move = False,
    dry_run: DryRun = False,
    undo: Undo = None,
) -> None:
    """Sort the images of a run into one folder for each cluster, as symbolic links.

    The links hold absolute paths: the folder may be moved, the images may not. Nothing is ever
    overwritten: a name that is taken gets a number behind it. After corrections the same command
    brings the folder to what the labels say now: links and unchanged copies that it made itself
    move, all else stays.
    """
    from ucls.errors import UsageError

    if undo is not None:
        if run is not None or to is not None or copy or move:
            raise UsageError(f"undo takes the folder alone: ucls sort --undo {undo}")
        _undo(undo, dry_run=dry_run)
        return
    if run is None or to is None:
        raise UsageError("expected RUN --to FOLDER, or --undo FOLDER; see: ucls sort --help")
    if copy and move:
        raise UsageError("--copy leaves the images where they are, --move does not: choose one")
    _sort(run, to, "copy" if copy else "move" if move else "link", dry_run=dry_run)


def _sort(run: Path, to: Path, how: "How", *, dry_run: bool) -> None:
    from ucls.stages.sort import sort
    from ucls.wording import count

    reporter = chosen_reporter()
    result = sort(run, to=to, how=how, dry_run=dry_run, reporter=reporter)
    folders = result.by_folder()
    if dry_run:
        for folder, places in folders.items():
            names = ", ".join(place.name for place in places[:SHOWN])
            more = ", ..." if len(places) > SHOWN else ""
            print(f"{to / folder}: {count(len(places), 'image')}: {names}{more}")
    _tell_exceptions(result, reporter)
    n_new, n_old = len(result.new), len(result.placements) - len(result.new)
    done = {"link": "linked", "copy": "copied", "move": "moved"}[how]
    kept = f", {n_old:,} there already" if n_old else ""
    removed = len(result.stale)
    kept += f", {removed:,} of an earlier sort removed" if removed else ""
    where = f"{count(len(folders), 'folder')} of {to}"
    if dry_run:
        print(f"{count(n_new, 'image')} would be {done}{kept}, in {where}; nothing was changed")
        return
    print(f"{count(n_new, 'image')} {done}{kept}, in {where}")
    if how == "move" and result.placements:
        print(f"the run does not find its images there; to bring them back: ucls sort --undo {to}")


def _undo(folder: Path, *, dry_run: bool) -> None:
    from ucls.stages.unsort import unsort
    from ucls.wording import count

    reporter = chosen_reporter()
    result = unsort(folder, dry_run=dry_run, reporter=reporter)
    _tell(reporter, f"stays in {folder}, since something else is in its place", result.taken)
    _tell(reporter, "gone", result.gone)
    moved = "would be moved back" if dry_run else "moved back"
    skipped = f", {result.n_skipped:,} had not been moved" if result.n_skipped else ""
    print(f"{count(result.n_back, 'image')} {moved}{skipped}")


def _tell_exceptions(result: "Sorted", reporter: "Reporter") -> None:
    _tell(reporter, "gone", result.missing)
    _tell(reporter, "not moved, since it is a link or was moved before", result.left)
    _tell(reporter, f"none of this sorting, stays in {result.to}", result.others)


def _tell(reporter: "Reporter", what: str, paths: list[str]) -> None:
    for path in paths[:MOST_LISTED]:
        reporter.say(f"{what}: {path}")
    if len(paths) > MOST_LISTED:
        reporter.say(f"{what}: {len(paths) - MOST_LISTED:,} more")
