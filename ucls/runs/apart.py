"""The clusterings that a run is to find others than, and what it keeps of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ucls.cache import RunFolder, read_tensors, write_tensors
from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.types import Labels

if TYPE_CHECKING:
    from ucls.runs.run import Run


def label_keys(paths: tuple[str, ...], kept: Path) -> tuple[str, ...]:
    """The keys of the clusterings in some run folders, or in what was kept of them.

    Args:
        paths: of the run folders.
        kept: the file that may tell of those that are gone or in the making.

    Raises:
        UsageError: if one has no labels and none were kept.
    """
    return tuple(_key_of(path) or _kept_key(path, kept) for path in paths)


def apart_keys(run: "Run") -> tuple[str, ...]:
    """Tells the clusterings that a run is apart from; empty if there are none."""
    return label_keys(run.config.neighbors.apart_from, run.folder.file(files.APART))


def keep_apart(kept: Path, runs: tuple[str, ...], clusters: Labels) -> None:
    """Keeps clusterings of the training images, so that their runs can be removed.

    Args:
        kept: the file.
        runs: A run folders.
        clusters: int32 [A, N], or more, where what is left is to be apart from more.
    """
    keys = dict(zip(runs, label_keys(runs, kept), strict=True))
    write_tensors(kept, {"clusters": clusters}, {"runs": json.dumps(keys)})


def kept_apart(run: "Run") -> Labels | None:
    """The clusterings [A, N] that were kept, where they are those of now."""
    path = run.folder.file(files.APART)
    if not path.is_file():
        return None
    tensors, metadata = read_tensors(path)
    is_same = tuple(json.loads(metadata["runs"]).values()) == apart_keys(run)
    return tensors["clusters"] if is_same else None


def _key_of(path: str) -> str | None:
    """The key under which a run was labelled; None if it is gone or not labelled."""
    if not (Path(path) / files.RECORD).is_file():
        return None
    return RunFolder(Path(path)).key_of("self-train")


def _kept_key(path: str, kept: Path) -> str:
    runs = json.loads(read_tensors(kept)[1]["runs"]) if kept.is_file() else {}
    if path not in runs:
        raise UsageError(
            f"neighbors.apart_from names {path}, which is no labelled run: expected the folder of "
            "a finished run of the same images"
        )
    key: str = runs[path]
    return key
