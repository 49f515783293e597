"""What earlier sortings into a folder put there, beside what belongs there now."""

# pathlib takes many seconds more for a million files.
# ruff: noqa: PTH108, PTH113, PTH118, PTH120, PTH121

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from ucls.cache.moves import Pair
from ucls.errors import UclsError
from ucls.images.transfer import is_copy_of, is_link_to, remove_if_empty
from ucls.runs.placements import IsThere, identity_of
from ucls.wording import cause


class EarlierSorting(NamedTuple):
    """Links and copies that were made before; what was changed since is not among them.

    Attributes:
        kept: the names of those that are as they shall be, by the image file and its folder.
        stale: those that shall go, as the image belongs elsewhere now, is gone, or is brought there
            in another way.
        untold: those of image files that nothing can be told of: not among the images that were
            asked for, or copies of what is gone.
    """

    kept: dict[Pair, list[str]]
    stale: list[Pair]
    untold: list[Pair]


def compare_earlier(
    to: str, made: Sequence[Pair], images: Iterable[Pair], *, is_there: IsThere
) -> EarlierSorting:
    """Finds out which links and copies of earlier sortings are in their places.

    Args:
        to: the folder of all.
        made: each image file and the place of its link or copy, as was noted.
        images: each image file and the folder that it belongs into, which another name on the disk
            may stand for.
        is_there: whether a path is what would be made of an image file.
    """
    identity = cache(lambda folder: identity_of(os.path.join(to, folder)))
    wanted: dict[str, list[str]] = defaultdict(list)
    for source, folder in images:
        wanted[source].append(folder)
    found = EarlierSorting(defaultdict(list), [], [])
    others: list[Pair] = []
    occupied = set()
    for source, place in made:
        old, name = os.path.split(place)
        here = [new for new in wanted.get(source, ()) if identity(new) == identity(old)]
        if here and os.path.isfile(source) and is_there(source, os.path.join(to, place)):
            wanted[source].remove(here[0])
            found.kept[source, here[0]].append(name)
            occupied.add((identity(old), name))
        else:
            others.append((source, place))
    for source, place in others:
        path = os.path.join(to, place)
        old, name = os.path.split(place)
        if not os.path.lexists(path):
            continue
        if source not in wanted:
            found.untold.append((source, place))
        elif (identity(old), name) in occupied:
            continue
        elif _is_made_of(source, path):
            found.stale.append((source, place))
        elif not os.path.isfile(source):
            found.untold.append((source, place))
    return found


def remove_stale(to: str, stale: Sequence[Pair]) -> None:
    """Removes links and copies that do not belong where they are, and folders that are empty then.

    Args:
        to: the folder of all.
        stale: the image file of each, and its place.

    Raises:
        UclsError: if the disk does not take it.
    """
    for source, place in stale:
        path = os.path.join(to, place)
        try:
            if _is_made_of(source, path):
                os.unlink(path)
        except OSError as error:
            raise UclsError(
                f"cannot remove {path}: {cause(error) or error}; what was done until here stays, "
                "and the same command goes on"
            ) from error
    for folder in {os.path.dirname(place) for _, place in stale}:
        remove_if_empty(os.path.join(to, folder))


def _is_made_of(source: str, path: str) -> bool:
    """Whether a path is a link to an image file, or an unchanged copy beside it."""
    if is_link_to(source, path):
        return True
    is_copy = os.path.isfile(source) and is_copy_of(source, path)
    return is_copy and not os.path.samefile(source, path)
