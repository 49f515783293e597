"""Which files hold the images of a source: archives or tables, one or many."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ucls.errors import UsageError
from ucls.images.contents import kind_of
from ucls.images.files import IMAGE_SUFFIXES
from ucls.images.packed.tables import has_images
from ucls.images.packed.unpacked import TAR, archive_stem, is_archive

PARQUET = ".parquet"

_STATE, _SPLITS = "state.json", "dataset_dict.json"
_OF_MANY = re.compile(r"(.+)-\d{5}-of-\d{5}")
_BRACES = re.compile(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}")
_WILD = re.compile(r"[*?]")
_MOST = 100_000


@dataclass(frozen=True)
class Shards:
    """The files that hold the images of a source.

    Attributes:
        location: the file, folder or pattern that they were found by, resolved.
        files: their resolved paths, in order; all of one kind.
    """

    location: Path
    files: tuple[Path, ...]

    @property
    def kind(self) -> str:
        """What their names end in; ``.tar`` for compressed archives too."""
        return _kind_of_name(self.files[0].name)

    @property
    def name(self) -> str:
        """What the source is called."""
        path = self.location
        if path.is_dir():
            return path.name
        stem = _WILD.sub("", _BRACES.sub("", _stem(path))).strip("-_. ")
        return stem or path.parent.name or "images"

    @property
    def names(self) -> list[str]:
        """What each file is called, with folders where these tell them apart."""
        root = os.path.commonpath([file.parent for file in self.files])
        return [file.relative_to(root).as_posix() for file in self.files]


def is_pattern(path: Path) -> bool:
    """Whether a path that is not there may stand for several files."""
    wanted = _kind_of_name(path.name) in (TAR, PARQUET)
    return wanted and bool(_BRACES.search(str(path)) or _WILD.search(str(path)))


def find_shards(path: Path) -> Shards | None:
    """Finds the files that hold the images of a source; None if it is of another kind.

    Args:
        path: a ``.tar``, ``.tar.gz``, ``.tgz`` or ``.parquet``, a pattern of such, or a folder of
            nothing else or by ``save_to_disk``.

    Raises:
        UsageError: if files of the source are missing, or belong to several splits.
    """
    if path.is_dir():
        files = _of_folder(path)
    elif path.is_file():
        files = [path] if _holds_images(path) else []
    else:
        files = _of_pattern(path) if is_pattern(path) else []
    if not files:
        return None
    return Shards(path.resolve(), tuple(dict.fromkeys(file.resolve() for file in files)))


def _holds_images(path: Path) -> bool:
    kind = _kind_of_name(path.name)
    if kind == PARQUET and kind_of(path) == "a Parquet file":
        return has_images(path)
    return kind == TAR


def _kind_of_name(name: str) -> str:
    return TAR if is_archive(name) else Path(name).suffix.lower()


def _stem(path: Path) -> str:
    return archive_stem(path.name) if is_archive(path.name) else path.stem


def _of_folder(folder: Path) -> list[Path]:
    if (folder / _SPLITS).is_file():
        raise UsageError(
            f"{folder} holds several splits: give one of its folders, and another one with --val"
        )
    if (folder / _STATE).is_file():
        return _saved(folder)
    names = _names_in(folder)
    # Whether tables hold images is known, and then archives beside them are something else.
    for kind in (PARQUET, TAR):
        files = [folder / name for name in names if _kind_of_name(name) == kind]
        if files and _holds_images(files[0]):
            _check_split(folder, files)
            _check_twice(folder, files)
            return files
    return []


def _names_in(folder: Path) -> list[str]:
    """What lies in a folder; nothing where it has images or folders, whose images are meant."""
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir() or entry.name.lower().endswith(IMAGE_SUFFIXES):
                    return []
                names.append(entry.name)
    except OSError:  # which the search for images tells
        return []
    return sorted(names)


def _saved(folder: Path) -> list[Path]:
    """The tables that ``save_to_disk`` left, by its own list of them."""
    try:
        listed = json.loads((folder / _STATE).read_text(encoding="utf-8"))["_data_files"]
        names = [str(entry["filename"]) for entry in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"cannot read {folder / _STATE} as `save_to_disk` leaves it ({error}): save again"
        ) from error
    # They lie beside the list, whatever it says.
    return _there(folder / name for name in map(os.path.basename, names))


def _check_split(folder: Path, files: list[Path]) -> None:
    splits = {match[1] for file in files if (match := _OF_MANY.fullmatch(_stem(file)))}
    if len(splits) > 1:
        one, end = min(splits), files[0].name.removeprefix(_stem(files[0]))
        raise UsageError(
            f"{folder} holds the splits {', '.join(sorted(splits))}: give one of them, such as "
            f"'{folder / one}-*{end}', and another one with --val"
        )


def _check_twice(folder: Path, files: list[Path]) -> None:
    first: dict[str, Path] = {}
    for file in files:
        other = first.setdefault(_stem(file), file)
        if other != file:
            one_kind = folder / f"*{other.name.removeprefix(_stem(other))}"
            raise UsageError(
                f"{folder} holds {other.name} and {file.name}, the same images twice by their "
                f"names: give those of one kind, such as '{one_kind}'"
            )


def _of_pattern(path: Path) -> list[Path]:
    expanded = list(islice(_expand(str(path)), _MOST + 1))
    if len(expanded) > _MOST:
        raise UsageError(f"{path} stands for more than {_MOST:,} files: give fewer")
    if not _WILD.search(str(path)):
        return _there(map(Path, expanded))
    found = [
        file
        for one in expanded
        for file in sorted(Path(one).parent.glob(Path(one).name))
        if file.is_file()
    ]
    if not found:
        raise UsageError(f"no file is called like {path}: check the path and the pattern")
    return found


def _there(files: Iterator[Path]) -> list[Path]:
    found = list(files)
    missing = next((file for file in found if not file.is_file()), None)
    if missing is not None:
        raise UsageError(f"{missing} is missing: copy all files of the set, or name fewer")
    return found


def _expand(pattern: str) -> Iterator[str]:
    """Yields what braces stand for: ``{08..10}`` for 08, 09, 10, and ``{a,b}`` for both."""
    match = _BRACES.search(pattern)
    if match is None:
        yield pattern
        return
    first, last, listed = match.groups()
    parts = (
        (f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1))
        if listed is None
        else iter(listed.split(","))
    )
    for part in parts:
        yield from _expand(pattern[: match.start()] + part + pattern[match.end() :])
