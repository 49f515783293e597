"""Where the image files of a run shall lie, one folder for each cluster."""

# pathlib takes many seconds more for a million files.
# ruff: noqa: PTH112, PTH116, PTH118, PTH119, PTH122, PTH208

import os
from collections.abc import Callable, Iterable
from itertools import count
from typing import NamedTuple

from ucls.images.names import key_of, numbered
from ucls.images.transfer import PARTIAL

IsThere = Callable[[str, str], bool]
"""Whether a path on the disk is what would be made of a source file."""

Identity = tuple[int, int] | str


def identity_of(folder: str) -> Identity:
    """What the paths of one folder share, which may differ in capitals on some systems.

    Returns:
        Its device and number there, or the path where nothing is.
    """
    try:
        found = os.stat(folder)
    except OSError:
        return folder
    return found.st_dev, found.st_ino


class Placement(NamedTuple):
    """The place of one image file."""

    source: str
    folder: str
    """Its name, within the folder of all."""
    name: str
    """Of the file there."""
    is_there: bool
    """Whether it was put there before."""

    def as_pair(self) -> tuple[str, str]:
        """The source, and the place relative to the folder of all."""
        return self.source, f"{self.folder}/{self.name}"


class Placer:
    """Chooses names that no other file has, also where capitals and small letters are the same.

    Args:
        to: the folder of all.
        is_there: how a file is recognised that was put there before.
    """

    def __init__(self, to: str, is_there: IsThere) -> None:
        self._to, self._is_there = to, is_there
        self._folders: dict[str, _Folder] = {}
        self._by_identity: dict[Identity, _Folder] = {}

    def place(self, source: str, folder: str) -> Placement:
        """Chooses the place of a file in a folder."""
        inner = self._folder(folder)
        stem, extension = os.path.splitext(os.path.basename(source))
        first = inner.first_free.get(stem + extension, 1)
        for number in count(first):
            name = numbered(stem, number, extension)
            key = key_of(name)
            if key in inner.taken:
                continue
            existing = inner.on_disk.get(key)
            is_there = existing is not None and self._is_there(
                source, os.path.join(inner.path, existing)
            )
            if existing is None or is_there:
                break
        if number == first:
            inner.first_free[stem + extension] = number + 1
        inner.taken.add(key)
        return Placement(source, folder, existing or name, is_there)

    def keep(self, source: str, folder: str, name: str) -> Placement:
        """Notes the place of a file that is there."""
        self._folder(folder).taken.add(key_of(name))
        return Placement(source, folder, name, is_there=True)

    def free(self, folder: str, name: str) -> None:
        """Takes the name of a file that will be gone for free."""
        on_disk = self._folder(folder).on_disk
        if on_disk.get(key_of(name)) == name:
            del on_disk[key_of(name)]

    def others(self, known: Iterable[str]) -> list[str]:
        """What else lies in the folder of all and in those within it, sorted.

        Args:
            known: names of what else belongs there.
        """
        found = {
            name
            for name in set(_names(self._to)) - self._folders.keys() - set(known)
            if identity_of(os.path.join(self._to, name)) not in self._by_identity
        }
        for inner in self._by_identity.values():
            folder = os.path.basename(inner.path)
            left = inner.on_disk.keys() - inner.taken
            found |= {f"{folder}/{inner.on_disk[key]}" for key in left}
        return sorted(found)

    def _folder(self, name: str) -> "_Folder":
        if name not in self._folders:
            path = os.path.join(self._to, name)
            identity = identity_of(path)
            if identity not in self._by_identity:
                self._by_identity[identity] = _Folder(path)
            self._folders[name] = self._by_identity[identity]
        return self._folders[name]


class _Folder:
    """One folder.

    Attributes:
        path: of it.
        on_disk: the names in it, by their keys.
        taken: the keys of those that belong to images.
        first_free: for the name of a file, the number before which all are taken.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.on_disk = {key_of(name): name for name in _names(path)}
        self.taken: set[str] = set()
        self.first_free: dict[str, int] = {}


def _names(path: str) -> list[str]:
    return [name for name in os.listdir(path) if name != PARTIAL] if os.path.isdir(path) else []
