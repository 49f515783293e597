"""What the files of a folder hold, as far as two equal runs share it."""

import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import h5py
from safetensors import safe_open

UNFINISHED = re.compile(
    r"\.ucls-partial$|\.partial$|\.undo$|^\.tmp|^checkpoint(-group\d+)?\.safetensors$"
)
"""Names under which a file may be half-written, or that only a stopped command leaves."""
WITHOUT_MEANING = re.compile(r"\.lock$")
TAKEN = {"seconds", "peak_memory_mb", "started", "images_per_second", "checksum"}
"""What differs from one run to the next: times and memory."""
TAKEN_IN_PAGES = re.compile(r'"(made|started)":"[^"]*"|"(seconds|peak_memory_mb)":[0-9.]+')

Contents = dict[str, Any]


def contents(folder: Path, *, finished: bool = True) -> Contents:
    """The content of each file by its path in a folder.

    Args:
        folder: of the files.
        finished: whether unfinished files count too, as they may not be there any more.

    Raises:
        AssertionError: if a file under a final name cannot be read to its end.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if WITHOUT_MEANING.search(path.name) or (path.is_dir() and not path.is_symlink()):
            continue
        if finished or not UNFINISHED.search(path.name):
            found[str(path.relative_to(folder))] = content(path)
    return found


def content(path: Path) -> Any:
    try:
        return READERS.get(path.suffix, _digest)(path)
    except Exception as error:
        raise AssertionError(f"{path} is half-written: {error}") from error


def _digest(path: Path) -> str:
    return str(path.readlink()) if path.is_symlink() else _hash(path.read_bytes())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _json(path: Path) -> Any:
    return _timeless(json.loads(path.read_text()))


def _json_lines(path: Path) -> Any:
    text = path.read_text()
    assert text.endswith("\n"), "its last line has no end"
    return [_timeless(json.loads(line)) for line in text.splitlines()]


def _html(path: Path) -> str:
    return _hash(TAKEN_IN_PAGES.sub("", path.read_text()).encode())


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key not in TAKEN}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def _hdf5(path: Path) -> Contents:
    found: Contents = {}

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        found[name] = {key: str(value) for key, value in item.attrs.items() if key not in TAKEN}
        if isinstance(item, h5py.Dataset):
            values = item[()]
            data = repr(values.tolist()).encode() if values.dtype == "O" else values.tobytes()
            found[name]["data"] = _hash(data)

    with h5py.File(path, "r") as file:
        note("/", file)
        file.visititems(note)
    return found


def _safetensors(path: Path) -> str:
    with safe_open(path, framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118
            file.get_tensor(name)
    return _hash(path.read_bytes())


def _csv(path: Path) -> str:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert len({len(row) for row in rows}) == 1, "rows of several lengths"
    assert path.read_bytes().endswith(b"\n"), "its last line has no end"
    return _hash(path.read_bytes())


READERS = {
    ".json": _json, ".jsonl": _json_lines, ".h5": _hdf5, ".html": _html,
    ".safetensors": _safetensors, ".csv": _csv,
}  # fmt: skip
