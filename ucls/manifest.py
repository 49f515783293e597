"""Manifests: CSV files that list images and, where they are known, their classes."""

import csv
import os
from collections import Counter
from pathlib import Path

from ucls.errors import UsageError
from ucls.image_sets import FileReader, ImageSet, encode_labels, fingerprint_files


def load_manifest(path: Path, *, split: str = "train") -> ImageSet:
    """Lists the images of a manifest, in its order.

    Args:
        path: a CSV file in UTF-8 whose header holds ``path`` and, if it likes, ``label``. Paths
            are absolute or relative to the file's folder; an empty label is not known. Images
            that are missing count as unreadable once they are read.
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
    labels, class_names = encode_labels(names) if any(names) else (None, ())
    return ImageSet(
        name=path.stem,
        split=split,
        paths=paths,
        labels=labels,
        class_names=class_names,
        fingerprint=fingerprint_files(path.parent, paths),
        reader=FileReader(path.parent, paths),
        location=str(path),
    )


def resolved_paths(manifest: Path, paths: list[str]) -> list[str]:
    """Returns the absolute path of each image that a manifest lists."""
    return [os.path.normpath(manifest.parent / path) for path in paths]


def _read_rows(path: Path) -> list[dict[str, str]]:
    """Reads each row as column to value, without the space around them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = [[cell.strip() for cell in row] for row in csv.reader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"cannot read {path} as a CSV file in UTF-8 ({error}): save it again"
        ) from error
    header, *rows = [row for row in table if any(row)] or [[]]
    if "path" not in header:
        came = ", ".join(map(repr, header))[:100] or "nothing"
        raise UsageError(
            f"expected a header with the column 'path' in {path}, and 'label' if labels are "
            f"known, got {came}: add it as the first line"
        )
    return [dict(zip(header, row, strict=False)) for row in rows]


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
    if not any(Path(file).is_file() for file in files):
        raise UsageError(
            f"none of the {len(files)} images in {manifest} exists, such as {files[0]}: give "
            "paths that are absolute or relative to the folder of the list"
        )
