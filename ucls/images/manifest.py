"""Manifests: CSV files that list images and, where they are known, their classes."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ucls.errors import UsageError
from ucls.images.contents import EMPTY, TEXT, content_of
from ucls.images.files import IMAGE_SUFFIXES, as_text
from ucls.images.sets import FileReader, ImageSet, encode_given_labels, fingerprint_files

_OTHER_NAMES = (
    "filepath", "file_path", "file_name", "filename", "file", "image", "image_path", "img_path",
)  # fmt: skip
"""What other tools call the column ``path``."""
_OTHER_COMMAS = re.compile(r"\s*[;\t|]\s*")


def load_manifest(path: Path, *, split: str = "train") -> ImageSet:
    """Lists the images of a manifest, in its order.

    Args:
        path: a CSV file in UTF-8 whose header holds ``path`` and, if it likes, ``label``, in
            capitals or not; of other tools ``filepath``, ``file_name`` and the like stand for
            ``path``. Paths are absolute or relative to the file's folder; an empty label, or -1,
            is not known. Images that are missing count as unreadable once they are read.
        split: the split that the images belong to.

    Raises:
        UsageError: if the file cannot be read so, lists an image twice, or none that exists.
    """
    path = path.resolve()
    rows = _read_rows(path)
    paths = [row.get("path", "") for row in rows]
    files = resolved_paths(path, paths)
    _check_paths(path, paths, files)
    names = [row.get("label") or "" for row in rows]
    labels, class_names = encode_given_labels(names)
    return ImageSet(
        name=as_text(path.stem),
        split=split,
        paths=paths,
        labels=labels,
        class_names=class_names,
        fingerprint=fingerprint_files(path.parent, paths, with_times=True),
        reader=FileReader(path.parent, paths),
        location=str(path),
    )


def resolved_paths(manifest: Path, paths: list[str]) -> list[str]:
    """Returns the absolute path of each image that a manifest lists."""
    return [os.path.normpath(manifest.parent / path) for path in paths]


def _read_rows(path: Path) -> list[dict[str, str]]:
    """Reads each row as column (in lower case) to value."""
    lines = _read_lines(path)
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
        content = content_of(path)
        if content not in (TEXT, EMPTY):
            raise UsageError(
                f"expected a list of images in {path}, a CSV file in UTF-8, got {content}: save it "
                "as that"
            )
        # Names of files are bytes, which need not be UTF-8.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any("\0" in cell for cell in cells):
                    raise csv.Error(f"line {reader.line_num} contains NUL")
                if any(cells):
                    yield reader.line_num, cells
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; check its rights") from error
    except csv.Error as error:
        raise UsageError(
            f"expected a CSV file in UTF-8 in {path}, got something else ({error}): mend that line"
        ) from error


def _read_header(path: Path, names: list[str]) -> list[str]:
    header = [name.lower() for name in names]
    if "path" not in header:
        others = [name for name in header if name in _OTHER_NAMES]
        if len(others) != 1:
            raise UsageError(
                f"expected a header with the column 'path' in {path}, and 'label' if labels are "
                f"known, got {', '.join(map(repr, names))[:100] or 'nothing'}: "
                + _remedy(path, header, others)
            )
        header[header.index(others[0])] = "path"
    name, n_columns = Counter(filter(None, header)).most_common(1)[0]
    if n_columns > 1:
        raise UsageError(
            f"expected each column once in {path}, got {name!r} {n_columns} times: rename the "
            "others"
        )
    return header


def _remedy(path: Path, header: list[str], others: list[str]) -> str:
    if others:
        return f"rename one of the columns {' and '.join(others)} to 'path'"
    if len(header) == 1 and _OTHER_COMMAS.search(header[0]):
        return "separate columns with commas"
    if not header or (path.parent / header[0]).suffix in IMAGE_SUFFIXES:
        return "add it as the first line"
    return "rename the column of the images' paths to 'path'"


def _is_text(name: str) -> bool:
    return not any("\udc80" <= letter <= "\udcff" for letter in name)


def _check_paths(manifest: Path, paths: list[str], files: list[str]) -> None:
    if not paths:
        raise UsageError(f"expected images in {manifest}, got its header only: list one per line")
    if "" in paths:
        raise UsageError(
            f"expected a path in each row of {manifest}, got {paths.count('')} rows without: "
            "fill it in or remove the row"
        )
    file, n_rows = Counter(files).most_common(1)[0]
    if n_rows > 1:
        raise UsageError(
            f"expected each image once in {manifest}, got {file} in {n_rows} rows: remove the "
            "others"
        )
    # Unlike pathlib, os.path takes a name that is too long for one that is not there.
    if not any(map(os.path.isfile, files)):
        raise UsageError(
            f"none of the {len(files)} images in {manifest} exists, such as {files[0]}: give "
            "paths that are absolute or relative to the folder of the list"
            + ("" if _is_text(files[0]) else ", and save the list in UTF-8")
        )
