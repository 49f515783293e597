"""The image files of a run in one folder for each cluster."""

# pathlib takes many seconds more for a million files.
# ruff: noqa: PTH113, PTH114, PTH118

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from ucls.cache import run_files as files
from ucls.cache.files import check_folder
from ucls.cache.moves import MADE, UNDO, Pair, read_made, read_moves, write_made, write_moves
from ucls.errors import UclsError, UsageError
from ucls.images import transfer
from ucls.progress import SILENT, Reporter
from ucls.runs.earlier_sorting import EarlierSorting, compare_earlier, remove_stale
from ucls.runs.folder_names import folder_names, folder_numbers
from ucls.runs.image_files import image_files
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.opening import open_run
from ucls.runs.placements import IsThere, Placement, Placer
from ucls.runs.run import Run
from ucls.wording import cause, count

How = Literal["link", "copy", "move"]

AT_ONCE = 256
"""Files between two steps of the progress, which takes longer to show than a link to make."""


class _Way(NamedTuple):
    """A way to bring files to their places."""

    do: Callable[[str, str], None]
    is_there: IsThere


_WAYS: dict[How, _Way] = {
    "link": _Way(transfer.link, transfer.is_link_to),
    "copy": _Way(transfer.copy, transfer.is_copy_of),
    "move": _Way(transfer.move, lambda source, existing: False),
}


@dataclass(frozen=True)
class Sorted:
    """How images were sorted, or would be.

    Attributes:
        to: the folder of all.
        placements: of each image, by the order of the labels.
        missing: image files that are gone.
        left: image files that are not moved, since they are links, or were moved before and are
            there again; what an earlier sorting made of them stays too.
        others: what else lies in the folder.
        stale: links and copies that an earlier sorting made and that go, each with its image file.
        made: links and copies that are the work of sorting, once it is done.
    """

    to: Path
    placements: list[Placement]
    missing: list[str]
    left: list[str]
    others: list[str]
    stale: list[Pair]
    made: list[Pair]

    def by_folder(self) -> dict[str, list[Placement]]:
        """The placements in each folder, sorted by its name."""
        found: dict[str, list[Placement]] = {}
        for placement in self.placements:
            found.setdefault(placement.folder, []).append(placement)
        return dict(sorted(found.items()))

    @property
    def new(self) -> list[Placement]:
        """The placements of files that were not there before."""
        return [placement for placement in self.placements if not placement.is_there]


def sort(
    path: str | Path,
    *,
    to: str | Path,
    how: How = "link",
    dry_run: bool = False,
    reporter: Reporter = SILENT,
) -> Sorted:
    """Puts every image of a run into the folder of its cluster; overwrites nothing.

    A folder has the given name of its cluster, or its number; images that were marked as wrong go
    to ``wrong``, outliers to ``outliers``. A name that is taken gets a number behind it. Done again
    it adds what is missing, and removes the links and unchanged copies that it made itself where
    the labels say otherwise now; ``.ucls-sorted.csv`` tells which these are.

    Args:
        path: the run folder.
        to: the folder of all, which is made.
        how: ``link`` makes symbolic links to the absolute paths of the images, so that the folder
            can be moved; ``move`` writes ``undo.csv`` first, for
            :func:`ucls.stages.unsort.unsort`. Images that are links themselves are not moved.
        dry_run: only find out what would be done.
        reporter: shown what happens.

    Raises:
        UsageError: if the run's images are no files, all of them are gone, or ``to`` will not do.
        UclsError: if the run is not labelled yet, or the disk does not take it.
    """
    run = open_run(path, after="self-train", reporter=reporter)
    folder = Path(to)
    _check_target(folder)
    moved = read_moves(folder) if how == "move" else {}
    plan = _plan(run, read_labels(run), folder, how=how, moved=moved)
    if dry_run:
        return plan
    if plan.new or plan.stale:
        if how == "move" and plan.new:
            write_moves(folder, moved | dict(place.as_pair() for place in plan.new))
        write_made(folder, {*plan.made, *plan.stale})
        remove_stale(str(folder), plan.stale)
        _carry_out(plan, how, reporter)
    if sorted(plan.made) != read_made(folder):
        write_made(folder, plan.made)
    return plan


def _check_target(to: Path) -> None:
    check_folder(to)
    existing = next(part for part in (to, *to.absolute().parents) if part.exists())
    if not existing.is_dir():
        raise UsageError(
            f"expected a folder to sort into, got the file {existing}: choose another folder, or "
            "move the file away"
        )
    if not os.access(existing, os.W_OK):
        raise UsageError(f"{existing} cannot be written to: choose another folder, or its rights")
    if (to / files.RECORD).is_file():
        raise UsageError(f"{to} is a run folder: choose another folder to sort into")


def _plan(run: Run, labels: ImageLabels, to: Path, *, how: How, moved: dict[str, str]) -> Sorted:
    names = folder_names(labels, taken=[UNDO])
    is_there = _WAYS[how].is_there
    placer = Placer(str(to), is_there)
    images = list(_labelled_files(run, labels, to, names))
    in_place = {
        file: place for file, place in moved.items() if os.path.lexists(os.path.join(to, place))
    }
    fixed = {file for file, _ in images if how == "move" and os.path.islink(file)} | in_place.keys()
    left = {file for file in fixed if os.path.isfile(file)}
    to_bring = [pair for pair in images if pair[0] not in left]
    earlier = compare_earlier(str(to), read_made(to), to_bring, is_there=is_there)
    plan = Sorted(to, [], [], [], [], earlier.stale, earlier.untold)
    for _, place in earlier.stale:
        placer.free(*os.path.split(place))
    for file, place in earlier.untold:
        if file in left:
            placer.keep(file, *os.path.split(place))
    kept = _kept(images, in_place, earlier, placer)
    for row, (file, folder) in enumerate(images):
        if file in left:
            plan.left.append(file)
        elif row in kept:
            plan.placements.append(kept[row])
        elif os.path.isfile(file):
            plan.placements.append(placer.place(file, folder))
        else:
            plan.missing.append(file)
    if strays := [place for row, place in kept.items() if place.folder != images[row][1]]:
        raise UsageError(
            f"{count(len(strays), 'image')} in {to} would belong into other folders now, such as "
            f"{in_place[strays[0].source]}, as the run was corrected since: "
            f"first `ucls sort --undo {to}`"
        )
    if not plan.placements and not plan.left:
        raise UsageError(
            f"none of the images of {run.folder.path} is there any more, such as "
            f"{plan.missing[0]}: bring them back; if they were moved by `ucls sort --move`, with "
            "`ucls sort --undo FOLDER`"
        )
    for folder in plan.by_folder():
        _check_target(to / folder)
    plan.others.extend(placer.others(known=[UNDO, MADE]))
    if how != "move":
        plan.made.extend(place.as_pair() for place in (*kept.values(), *plan.new))
    return plan


def _kept(
    images: list[Pair], in_place: dict[str, str], earlier: EarlierSorting, placer: Placer
) -> dict[int, Placement]:
    """Notes the places of images that were moved, or are as they shall be, by their rows.

    All of them come before the others, which else would take copies of equal images for theirs.
    """
    kept = {}
    for row, (file, folder) in enumerate(images):
        if file in in_place:
            kept[row] = placer.keep(file, *os.path.split(in_place[file]))
        elif names := earlier.kept.get((file, folder)):
            kept[row] = placer.keep(file, folder, names.pop(0))
    return kept


def _labelled_files(
    run: Run, labels: ImageLabels, to: Path, names: dict[int, str]
) -> Iterator[Pair]:
    """The image file of each label, and its folder."""
    numbers = folder_numbers(labels)
    for split in run.splits:
        rows = labels.rows_of(split)
        found = image_files(run, split, [labels.paths[row] for row in rows])
        found.check_apart_from([to, *(to / name for name in names.values())])
        folders = (names[number] for number in numbers[rows].tolist())
        yield from zip(found.files, folders, strict=True)


def _carry_out(plan: Sorted, how: How, reporter: Reporter) -> None:
    new = plan.new
    to = str(plan.to)
    do = _WAYS[how].do
    for folder in {placement.folder for placement in new}:
        _try(partial(os.makedirs, exist_ok=True), os.path.join(to, folder), how=how)
    with reporter.track("sort", len(new), "images") as advance:
        for start in range(0, len(new), AT_ONCE):
            chunk = new[start : start + AT_ONCE]
            for source, folder, name, _ in chunk:
                _try(do, source, os.path.join(to, folder, name), how=how)
            advance(len(chunk))


def _try(do: Callable[..., None], *paths: str, how: How) -> None:
    """Does a step on the disk; where it fails, what was done before stays."""
    try:
        do(*paths)
    except FileExistsError as error:
        raise UclsError(
            f"{paths[-1]} has come into being in the meantime, and was not overwritten: "
            "run it again to go on"
        ) from error
    except OSError as error:
        hint = "; if the file system has no links, pass --copy" if how == "link" else ""
        raise UclsError(
            f"cannot {how} {' to '.join(paths)}: {cause(error) or error}{hint}; "
            "what was done until here stays, and the same command goes on"
        ) from error
