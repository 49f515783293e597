"""The run folder: settings, stages and results of one run."""

import hashlib
import json
import platform
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w

from ucls.cache import run_files as files
from ucls.cache.files import (
    atomic_write,
    check_folder,
    read_json,
    temporary_path,
    write_errors,
    write_json,
)
from ucls.cache.locks import folder_lock
from ucls.errors import MismatchError, UsageError

FORMAT = "ucls-run"
VERSION = 2
"""Settings of version 1 meant something else."""
PACKAGES = ("ucls", "torch", "timm", "faiss-cpu", "faiss-gpu-cu12", "numpy", "h5py", "pymetis")

HOW_TO_RUN = (
    "requested.device", "requested.extract.workers", "requested.extract.batch_size",
    "requested.extract.weights", "requested.extract.backbone", "requested.extract.views",
    "requested.train.parallel", "requested.features_in",
)  # fmt: skip
"""Settings that do not tell one run from another; the latest ones count.

The source tells the backbones, by the names that their features are kept under."""


class RunFolder:
    """A folder that holds one run.

    Args:
        path: of a folder that :meth:`begin` made earlier.

    Raises:
        UsageError: if there is no run, or one of a newer format.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        record = self.path / files.RECORD
        if not record.is_file():
            raise UsageError(
                f"{self.path} is not a run folder (it has no run.json); "
                "start one with: ucls run SOURCE --out " + str(self.path)
            )
        self.record = _check_format(record)
        if self.record["version"] > VERSION:
            raise UsageError(
                f"{self.path} has run format {self.record['version']}, but this UCLS reads up to "
                f"{VERSION}; update ucls"
            )
        if self.record["version"] < VERSION:
            raise UsageError(
                f"{self.path} is a run of an older UCLS, whose settings meant something else; "
                "run the same `ucls run` with --overwrite, or choose another --out"
            )

    @classmethod
    def begin(
        cls,
        path: Path,
        *,
        source: Mapping[str, Any],
        requested: Mapping[str, Any],
        stale: Iterable[str],
        overwrite: bool = False,
    ) -> "RunFolder":
        """Starts a run, or returns the one that is there if it was asked for in the same way.

        Args:
            path: of the folder.
            source: what identifies the images.
            requested: the settings as they were asked for.
            stale: patterns of what earlier stages may have left, which starting anew removes.
            overwrite: forget the run that is there, and start anew; or write into a folder that
                holds something else, none of whose files has a name that UCLS would use.

        Raises:
            MismatchError: if the folder holds another run, with each difference.
            UsageError: if it holds something else, or would have to be made at the root of the
                disk.
            UclsError: if it cannot be made, or another process is at work in it.
        """
        path = Path(path)
        identity = {"source": dict(source), "requested": dict(requested)}
        check_folder(path)
        if (path / files.RECORD).is_file() and overwrite:
            _check_format(path / files.RECORD)
        elif (path / files.RECORD).is_file():
            begun = cls(path)
            differences = _differences(begun.record, identity)
            if not differences:
                if begun.record["requested"] != identity["requested"]:
                    begun.update(requested=identity["requested"])
                return begun
            # A run whose settings were never resolved has nothing to lose.
            if begun.file(files.CONFIG).is_file():
                cut = _cut_instead(begun, identity)
                raise MismatchError(
                    f"{path} holds a run with other settings: {'; '.join(differences)}; {cut}"
                    "choose another folder with --out, or replace the run with --overwrite"
                )
        elif path.is_dir() and not all(map(_is_left_by_a_start, path.iterdir())):
            names = (files.RECORD, files.LOCK, *stale)
            there = (file for name in names for file in path.glob(name))
            users_own = next((file for file in there if file.lstat().st_size), None)
            if users_own:
                raise UsageError(
                    f"{path} holds no run but a file {users_own.name}, which a run would replace; "
                    "choose another folder with --out"
                )
            if not overwrite:
                raise UsageError(
                    f"{path} is not empty and holds no run; choose another folder with --out, "
                    "or write into it with --overwrite"
                )
        with write_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        with folder_lock(path, files.LOCK):
            for old in (file for pattern in stale for file in path.glob(pattern)):
                old.unlink(missing_ok=True)
            record = {"format": FORMAT, "version": VERSION, **identity, "stages": {}}
            write_json(path / files.RECORD, {**record, "status": "started", "versions": versions()})
        return cls(path)

    def file(self, name: str) -> Path:
        """The path of one of the run's files."""
        return self.path / name

    def update(self, **entries: Any) -> None:
        """Replaces entries of ``run.json``, and keeps what others have written there since."""
        self.reload()
        self.record.update(entries)
        write_json(self.path / files.RECORD, self.record)

    def reload(self) -> None:
        """Reads ``run.json`` again, as another process may have written it since."""
        self.record = _check_format(self.path / files.RECORD)

    def write_config(self, settings: Mapping[str, Any]) -> None:
        """Writes the resolved settings to ``config.toml``; TOML leaves out what is None."""
        with atomic_write(self.path / files.CONFIG) as partial:
            partial.write_text(
                tomli_w.dumps(_without_none(settings)), encoding="utf-8", errors="surrogateescape"
            )

    def read_config(self) -> dict[str, Any]:
        """Reads ``config.toml``."""
        try:
            text = self.file(files.CONFIG).read_text(encoding="utf-8", errors="surrogateescape")
            return tomllib.loads(text)
        except FileNotFoundError as error:
            raise UsageError(
                f"{self.path} has no config.toml: its features were not extracted to the end; "
                "run the same `ucls run` or `ucls extract` again"
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{self.path / 'config.toml'} is not valid TOML: {error}") from error

    def key_of(self, stage: str) -> str | None:
        """The key under which ``stage`` was finished; None if it was not."""
        entry = self.record["stages"].get(stage, {})
        return entry.get("key") if entry.get("status") == "done" else None

    def record_stage(self, name: str, entry: Mapping[str, Any]) -> None:
        """Replaces what ``run.json`` says of a stage: ``status``, ``key`` and what it took."""
        self.reload()
        stages = {**self.record["stages"], name: entry}
        self.update(stages=stages, status=f"{name}: {entry['status']}", versions=versions())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes from writing to the run.

        Raises:
            UclsError: if another process is at work in the folder.
        """
        with folder_lock(self.path, files.LOCK):
            yield


def _is_left_by_a_start(file: Path) -> bool:
    """Whether it is of a run that was stopped before it had a record."""
    if file.name == files.LOCK:
        return not file.lstat().st_size
    return file.name == temporary_path(Path(files.RECORD)).name


def settings_key(*parts: Any) -> str:
    """A short digest of settings and of the keys of the stages before."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def versions() -> Mapping[str, str]:
    """The versions of Python and of the packages that shape a result."""
    # Slow to import, and `ucls --help` has no need of it.
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings to dotted names."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    old = flatten({name: there.get(name, {}) for name in here})
    # Through JSON, so that tuples and lists compare as what the file holds.
    new = flatten(json.loads(json.dumps(here)))
    return [
        f"{name.partition('.')[2]} is {_shown(old.get(name))} there, {_shown(new.get(name))} here"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name) and name not in HOW_TO_RUN
    ]


def _cut_instead(begun: RunFolder, identity: dict[str, dict[str, Any]]) -> str:
    """How to have another number of clusters of a finished run, if that is all that is wanted."""
    n_clusters = identity["requested"].get("n_clusters")
    there = {"n_clusters": begun.record["requested"].get("n_clusters")}
    as_there = {**identity, "requested": {**identity["requested"], **there}}
    if not n_clusters or _differences(begun.record, as_there):
        return ""
    if not begun.file(files.MERGES).is_file():
        return ""
    return f"cut it with `ucls cut {begun.path} -k {n_clusters}`, "


def _shown(value: Any) -> str:
    return "not set" if value is None else json.dumps(value)


def _without_none(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_none(value) if isinstance(value, Mapping) else value
        for name, value in tree.items()
        if value is not None
    }


def _check_format(path: Path) -> dict[str, Any]:
    """What ``run.json`` holds, once it is known to be of UCLS."""
    record: Any = read_json(path, remedy="put back a copy of it, or choose another folder")
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise UsageError(f"{path} was not written by UCLS; choose another folder")
    return record
