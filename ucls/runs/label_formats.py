"""The formats that labels are exported in; ``cache/FORMAT.md`` says what they hold."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ucls.cache import STDOUT, atomic_write, has_table, write_csv
from ucls.errors import UsageError
from ucls.runs import parquet
from ucls.runs.label_table import COLUMNS, LabelTable

_MARK = '{"format": "ucls-'


@dataclass(frozen=True)
class LabelFormat:
    """One of them.

    Attributes:
        suffix: of its files.
        write: writes a table to a path; the iterator goes over the table's images once, as they
            are written, and gives a number for each.
        is_own: whether a file is in this format, and from here, given the table.
        takes_shares: whether it has a place for the shares of all clusters.
        is_default: whether the suffix alone stands for it.
    """

    suffix: str
    write: Callable[[Path, LabelTable, Iterator[int]], None]
    is_own: Callable[[Path, LabelTable], bool]
    takes_shares: bool = True
    is_default: bool = True


def choose_format(out: Path, name: str | None) -> str:
    """The name of the format of a file.

    Args:
        out: the file.
        name: of the format that was asked for; None to go by the file's ending.

    Raises:
        UsageError: if there is none of that name, or the ending tells none or another.
    """
    by_suffix = {entry.suffix: key for key, entry in FORMATS.items() if entry.is_default}
    suffix = ".csv" if out == STDOUT and name is None else out.suffix.lower()
    chosen = name or by_suffix.get(suffix)
    if chosen not in FORMATS:
        what = f"{out} does not tell a format" if name is None else f"there is no format {name!r}"
        raise UsageError(f"{what}: pass --format {', '.join(FORMATS)}")
    expected = FORMATS[chosen].suffix
    if suffix in by_suffix and suffix != expected:
        raise UsageError(f"the format {chosen} has files that end in {expected}, got {out}")
    if out == STDOUT and chosen != "csv":
        raise UsageError(f"only csv goes to standard output, not {chosen}: choose a file")
    return chosen


def _write_csv(path: Path, table: LabelTable, count: Iterator[int]) -> None:
    def rows() -> Iterator[list[Any]]:
        for _, row, others in zip(count, table.rows(), table.shares_by_row(), strict=True):
            *known, confidence, probability, found = row
            yield [*known, *_cells([confidence, probability]), found, *_cells(others)]

    write_csv(path, table.columns, rows())


def _cells(shares: Iterable[float]) -> list[str]:
    return [f"{share:.4f}" for share in shares]


def _is_own_csv(path: Path, table: LabelTable) -> bool:
    """Whether a file has these columns, with or without shares of some clusters."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            header = file.readline().rstrip("\n").split(",")
    except OSError:
        return False
    known, others = header[: len(COLUMNS)], header[len(COLUMNS) :]
    are_shares = all(name.startswith("share_") for name in others)
    return known == list(COLUMNS) and are_shares and has_table(header)(path)


def _write_json(path: Path, table: LabelTable, count: Iterator[int]) -> None:
    def images() -> Iterator[dict[str, Any]]:
        for _, row, others in zip(count, table.rows(), table.shares_by_row(), strict=True):
            image = dict(zip(COLUMNS, row, strict=True))
            shares = {"shares": dict(zip(table.share_names, others, strict=True))}
            yield image | shares if others else image

    parts = {
        "version": 1,
        "run": table.run.folder.path.resolve().name,
        "clusters": table.clusters(),
        "images": images(),
    }
    _write_parts(path, "labels", parts)


def _write_coco(path: Path, table: LabelTable, count: Iterator[int]) -> None:
    def annotations() -> Iterator[dict[str, Any]]:
        for row, cells in zip(count, table.rows(), strict=True):
            _, _, cluster, _, _, probability, found = cells
            if cluster >= 0:
                score = {"score": probability} if cluster == found else {}
                label = {"id": row, "image_id": row, "category_id": cluster, "iscrowd": 0}
                yield label | score

    images = (
        {"id": row, "file_name": path, "split": split}
        for row, (path, split, *_) in enumerate(table.rows())
    )
    categories = [{"id": c["number"], "name": c["name"]} for c in table.clusters()]
    parts = {"images": images, "annotations": annotations(), "categories": categories}
    _write_parts(path, "coco", parts)


def _write_fiftyone(path: Path, table: LabelTable, count: Iterator[int]) -> None:
    def labels() -> Iterator[tuple[str, dict[str, Any] | None]]:
        for _, file, cells in zip(count, table.files(), table.rows(), strict=True):
            _, _, cluster, _, confidence, _, found = cells
            sure = {"confidence": confidence} if cluster == found else {}
            yield file, {"label": cluster, **sure} if cluster >= 0 else None

    classes = [cluster["name"] for cluster in table.clusters()]
    _write_parts(path, "fiftyone", {"classes": classes, "labels": dict(labels())})


def _write_parts(path: Path, kind: str, parts: dict[str, Any]) -> None:
    """Writes a JSON object; of what is many, an entry for each line."""
    with (
        atomic_write(path) as partial,
        # Bytes of a file name that are not UTF-8 become escapes, as JSON has them.
        partial.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        file.write(f'{_MARK}{kind}"')
        for name, value in parts.items():
            file.write(f",\n{_json(name)}: ")
            if isinstance(value, dict):
                lines = (f"{_json(key)}: {_json(entry)}" for key, entry in value.items())
                _write_lines(file.write, "{}", lines)
            elif isinstance(value, Iterator):
                _write_lines(file.write, "[]", map(_json, value))
            else:
                file.write(_json(value))
        file.write("}\n")


def _write_lines(write: Callable[[str], Any], brackets: str, lines: Iterable[str]) -> None:
    write(brackets[0])
    for number, line in enumerate(lines):
        write(f"{',' if number else ''}\n{line}")
    write(f"\n{brackets[1]}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _starts_with_mark(path: Path, table: LabelTable) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MARK)) == _MARK.encode()
    except OSError:
        return False


FORMATS = {
    "csv": LabelFormat(".csv", _write_csv, _is_own_csv),
    "parquet": LabelFormat(".parquet", parquet.write, parquet.is_own),
    "json": LabelFormat(".json", _write_json, _starts_with_mark),
    "coco": LabelFormat(
        ".json", _write_coco, _starts_with_mark, takes_shares=False, is_default=False
    ),
    "fiftyone": LabelFormat(
        ".json", _write_fiftyone, _starts_with_mark, takes_shares=False, is_default=False
    ),
}
"""Name to format."""
