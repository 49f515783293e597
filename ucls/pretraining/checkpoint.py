"""The state of an unfinished training, in one file that is replaced as a whole."""

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ucls.cache import read_tensors, write_tensors
from ucls.pretraining.optimizers import optimizer_tensors, restore_optimizer
from ucls.pretraining.protocol import Method
from ucls.ranks import rank

SHARE = 0.05
"""Checkpoints take at most this share of the training time."""


class Place(NamedTuple):
    """How far a training has come."""

    epoch: int = 0
    step: int = 0
    """Of the epoch."""
    loss: float = 0.0
    """The sum over the steps of the epoch."""
    log: tuple[str, ...] = ()
    """A line of JSON for each finished epoch."""


class Checkpoint:
    """Saves a training now and then, and finds it again.

    Args:
        path: of the file.
        key: of the same training; a state with another one is not continued.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self._saved_at, self._cost = time.perf_counter(), 0.0

    def restore(self, method: Method, optimizer: Any) -> Place:
        """Brings method and optimiser to the last state; at the start if there is none."""
        if not self.path.is_file():
            return Place()
        arrays, metadata = read_tensors(self.path)
        if metadata.get("key") != self.key:
            return Place()
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        method.load_state_dict(_under("method.", tensors))
        restore_optimizer(optimizer, _under("optimizer.", tensors))
        place = json.loads(metadata["place"])
        return Place(**{**place, "log": tuple(place["log"])})

    def is_due(self) -> bool:
        """Whether the time since the last save is long against what a save costs."""
        return time.perf_counter() - self._saved_at >= self._cost / SHARE

    def save(self, method: Method, optimizer: Any, place: Place) -> None:
        """Saves the state; of several ranks, which are all alike, the first does."""
        if rank() != 0:
            return
        started = time.perf_counter()
        tensors = {f"method.{name}": value for name, value in method.state_dict().items()}
        tensors |= {f"optimizer.{n}": value for n, value in optimizer_tensors(optimizer).items()}
        arrays = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
        metadata = {"key": self.key, "place": json.dumps(place._asdict())}
        write_tensors(self.path, arrays, metadata)
        self._saved_at = time.perf_counter()
        self._cost = self._saved_at - started

    def remove(self) -> None:
        """Forgets the state of a training that is finished."""
        if rank() == 0:
            self.path.unlink(missing_ok=True)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
