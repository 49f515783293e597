"""Manifests: CSV files that list images and, where they are known, their classes."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ucls.errors import UsageError
from ucls.images.columns import OTHER_LABELS, OTHER_PATHS, PATH
from ucls.images.contents import EMPTY, TEXT, UNKNOWN, kind_of
from ucls.images.files import IMAGE_SUFFIXES
from ucls.images.sets import (
    FileReader,
    ImageSet,
    encode_labels,
    file_stamps,
    fingerprint_stamps,
)
from ucls.wording import cause, count

MANIFEST_SUFFIXES = (".csv", ".tsv", ".txt")

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""Between the columns; a ``.txt`` has one column and no header."""

_WHOLE = re.compile(r"-?\d+(\.0*)?")
_OTHER_COMMAS = re.compile(r"\s*[,;\t|]\s*")


def load_manifest(path: Path, *, split: str = "train") -> ImageSet:
    """Lists the images of a manifest, in its order, each once.

    Args:
        path: a file in UTF-8. A ``.txt`` has a path in each line; in a ``.csv``, or a ``.tsv`` with
            tabs, the header holds ``path`` and, if it likes, ``label``, in capitals or not;
            without ``path`` the only one of :data:`ucls.images.columns.OTHER_PATHS` stands for
            it. Paths are absolute or relative to the file's folder; bytes that are not UTF-8 are
            those of the file's name. A label that is empty or -1 is not known, and 3.0 is 3 where
            all are whole numbers. Images that are missing count as unreadable once they are read.
        split: the split that the images belong to.

    Raises:
        UsageError: if the file cannot be read so, lists none that exists, or an image twice with
            different labels.
    """
    path = path.resolve()
    rows = _read_rows(path)
    _check_paths(path, rows)
    rows, notes = _distinct(path, rows)
    paths = [row[PATH] for row in rows]
    labels, class_names = encode_labels(_whole([row.get("label") or "" for row in rows]))
    stamps = file_stamps(path.parent, paths)
    return ImageSet(
        name=path.stem,
        split=split,
        paths=paths,
        labels=labels,
        class_names=class_names,
        fingerprint=fingerprint_stamps(paths, stamps, with_times=True),
        reader=FileReader(path.parent, paths),
        location=str(path),
        notes=(*notes, *(f"{path}: {told}" for told in _unread_labels(rows))),
        stamps=stamps,
    )


def _whole(names: list[str]) -> list[str]:
    """Labels that a table turned into floats as the whole numbers that they were."""
    if any(name and not _WHOLE.fullmatch(name) for name in names):
        return names
    return [name.partition(".")[0] for name in names]


def _distinct(
    path: Path, rows: list[dict[str, str]]
) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    """Keeps the first row of each image, and says so where that is not all."""
    kept: dict[str, dict[str, str]] = {}
    again = ""
    for row, file in zip(rows, resolved_paths(path, [row[PATH] for row in rows]), strict=True):
        first = kept.setdefault(file, row)
        again = again if first is row else again or file
        labels = {row.get("label", ""), first.get("label", "")} - {""}
        if len(labels) > 1:
            raise UsageError(
                f"expected one label for each image in {path}, got {' and '.join(sorted(labels))} "
                f"for {file}: remove all its rows but one"
            )
    n_again = len(rows) - len(kept)
    if not n_again:
        return rows, ()
    note = (
        f"{path} lists images more than once, such as {again}: left out "
        f"{count(n_again, 'row')}, so that each counts once"
    )
    return list(kept.values()), (note,)


def resolved_paths(manifest: Path, paths: list[str]) -> list[str]:
    """Returns the absolute path of each image that a manifest lists."""
    return [os.path.normpath(manifest.parent / path) for path in paths]


def _read_rows(path: Path) -> list[dict[str, str]]:
    """Reads each row as column (in lower case) to value."""
    lines = _read_lines(path)
    if path.suffix.lower() not in _DELIMITERS:
        return [{PATH: line} for _, (line,) in lines]
    header = _read_header(path, next(lines, (1, []))[1])
    rows = []
    for number, row in lines:
        if len(row) != len(header):
            raise UsageError(
                f"expected {len(header)} columns in line {number} of {path}, as in its header, "
                f"got {len(row)}: mend the line, and put quotes around a value with a comma"
            )
        rows.append(dict(zip(header, row, strict=True)))
    return rows


def _read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and cells of each line, without blank ones and the space around cells."""
    try:
        if (kind := kind_of(path)) not in (TEXT, EMPTY, UNKNOWN):
            raise UsageError(
                f"expected a list of images as CSV in UTF-8, got {path}, which is {kind}: save "
                "the list so"
            )
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            for number, row in _split_lines(file, _DELIMITERS.get(path.suffix.lower())):
                cells = [cell.strip() for cell in row]
                if any("\0" in cell for cell in cells):
                    raise csv.Error(f"line {number} contains NUL")
                if any(cells):
                    yield number, cells
    except (OSError, csv.Error) as error:
        reason = cause(error) or f"{error}; save it as CSV in UTF-8"
        raise UsageError(f"cannot read {path} as a list of images: {reason}") from error


def _split_lines(file: TextIO, delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    if delimiter is None:
        yield from ((number, [line]) for number, line in enumerate(file, start=1))
        return
    reader = csv.reader(file, delimiter=delimiter)
    for row in reader:
        yield reader.line_num, row


def _read_header(path: Path, names: list[str]) -> list[str]:
    header = [name.lower() for name in names]
    others = [name for name in header if name in OTHER_PATHS]
    if PATH not in header and len(others) == 1:
        header = [PATH if name in OTHER_PATHS else name for name in header]
    if PATH not in header:
        came = ", ".join(map(repr, names))[:100] or "nothing"
        raise UsageError(
            f"expected a header with the column 'path' in {path}, and 'label' if labels are "
            f"known, got {came}: {_remedy(path, names, others)}"
        )
    name, n_columns = Counter(filter(None, header)).most_common(1)[0]
    if n_columns > 1:
        raise UsageError(
            f"expected each column once in {path}, got {name!r} {n_columns} times: rename the "
            "others"
        )
    return header


def _remedy(path: Path, names: list[str], others: list[str]) -> str:
    """What to do about a first line without the column of paths."""
    if others:
        return "rename the column that is meant to 'path'"
    cells = [cell.lower() for name in names for cell in _OTHER_COMMAS.split(name)]
    if len(cells) > len(names) and {PATH, *OTHER_PATHS}.intersection(cells):
        return f"separate columns with {'tabs' if path.suffix.lower() == '.tsv' else 'commas'}"
    is_image = any(
        cell.endswith(IMAGE_SUFFIXES) or (path.parent / cell).is_file() for cell in cells if cell
    )
    return (
        "add it as the first line"
        if is_image or not names
        else "rename the column of paths to 'path'"
    )


def _unread_labels(rows: list[dict[str, str]]) -> list[str]:
    """What to tell of a column that is called otherwise than labels are."""
    names = [name for name in OTHER_LABELS if name in rows[0] and "label" not in rows[0]]
    return [f"labels are read from a column 'label', not {name!r}" for name in names[:1]]


def _check_paths(manifest: Path, rows: list[dict[str, str]]) -> None:
    paths = [row.get(PATH, "") for row in rows]
    if not paths:
        only = "no line" if manifest.suffix.lower() == ".txt" else "its header only"
        raise UsageError(f"expected images in {manifest}, got {only}: list one per line")
    if "" in paths:
        raise UsageError(
            f"expected a path in each row of {manifest}, got {count(paths.count(''), 'row')} "
            "without: fill it in or remove the row"
        )
    files = resolved_paths(manifest, paths)
    # Unlike pathlib, os.path takes a name that is too long for one that is not there.
    if not any(map(os.path.isfile, files)):
        remedy = "give paths that are absolute or relative to the folder of the list"
        remedies = [f"{remedy}{_and_save_it(files)}", *_unread_labels(rows)]
        raise UsageError(
            f"none of the images in {manifest} exists, such as {files[0]}: {'; '.join(remedies)}"
        )


def _and_save_it(paths: list[str]) -> str:
    try:
        "".join(paths).encode()
    except UnicodeEncodeError:
        return ", and save it in UTF-8"
    return ""
