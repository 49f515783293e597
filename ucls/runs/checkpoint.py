"""The state of an unfinished training, in one file that is replaced as a whole."""

import json
import time
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ucls.cache import read_tensors, write_tensors
from ucls.cache import run_files as files
from ucls.runs.run import Run

VERSION = 5
"""Raised whenever the layout of the state changes; older ones are not continued."""
SHARE = 0.05
"""Checkpoints take at most this share of the training time."""

Arrays = Mapping[str, NDArray[Any]]


class Unfinished(NamedTuple):
    """How far a training has come."""

    groups: list[Arrays]
    """What is kept of each finished group of heads."""
    state: Arrays
    """Of one group that is not finished, its trainer; empty before its first epoch."""
    log: list[str]
    """The lines of ``train.jsonl``."""


class Checkpoint:
    """Saves an unfinished training of a run now and then, and finds it again."""

    def __init__(self, run: Run) -> None:
        self.path = run.folder.file(files.CHECKPOINT)
        self.key = f"{VERSION} {run.freshness.key('train')}"
        self._saved_at, self._cost = time.perf_counter(), 0.0

    def of_group(self, group: int, of: str) -> "Checkpoint":
        """That of one group of heads, of which it has the finished one or its state.

        Args:
            group: its number.
            of: what else tells it from others of the same training.
        """
        own = copy(self)
        own.path = self.path.with_name(files.GROUP_CHECKPOINTS.replace("*", str(group)))
        own.key = f"{self.key} {of}"
        return own

    def restore(self) -> Unfinished:
        """The last state of the same training; nothing done yet if there is none."""
        if not self.path.is_file():
            return Unfinished([], {}, [])
        tensors, metadata = read_tensors(self.path)
        if metadata.get("key") != self.key:
            return Unfinished([], {}, [])
        parts: list[dict[str, NDArray[Any]]] = [{} for _ in range(int(metadata["groups"]) + 1)]
        for name, value in tensors.items():
            part, _, own_name = name.partition(".")
            parts[int(part)][own_name] = value
        return Unfinished(list(parts[:-1]), parts[-1], json.loads(metadata["log"]))

    def is_due(self) -> bool:
        """Whether the time since the last save is long against what a save costs."""
        return time.perf_counter() - self._saved_at >= self._cost / SHARE

    def save(self, groups: Sequence[Arrays], state: Arrays, log: Sequence[str]) -> None:
        """Saves the state; see :class:`Unfinished`."""
        started = time.perf_counter()
        tensors = {
            f"{part}.{name}": value
            for part, arrays in enumerate([*groups, state])
            for name, value in arrays.items()
        }
        metadata = {"key": self.key, "groups": str(len(groups)), "log": json.dumps(list(log))}
        write_tensors(self.path, tensors, metadata)
        self._saved_at = time.perf_counter()
        self._cost = self._saved_at - started

    def remove(self) -> None:
        """Forgets the state of a training that is finished, of all its groups, and its inputs."""
        inputs = self.path.with_name(files.HEAD_INPUTS)
        for path in (self.path, *self.path.parent.glob(files.GROUP_CHECKPOINTS), inputs):
            path.unlink(missing_ok=True)
