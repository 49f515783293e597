"""The training of one group of heads, from wherever it was stopped."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch

from ucls.progress import Advance
from ucls.ranks import agreed
from ucls.runs.checkpoint import Arrays, Unfinished
from ucls.settings.config import TrainConfig, required
from ucls.training.standstill import stands_still
from ucls.training.trainer import HeadTrainer, State


class Keeper(Protocol):
    """What keeps an unfinished training; see :class:`ucls.runs.checkpoint.Checkpoint`."""

    def restore(self) -> Unfinished:
        """How far it had come."""

    def is_due(self) -> bool:
        """Whether it is time to save."""

    def save(self, groups: Sequence[Arrays], state: Arrays, log: Sequence[str]) -> None:
        """Saves how far it has come."""

    def of_group(self, group: int, of: str) -> "Keeper":
        """What keeps the training of one group."""


class KeepsNothing:
    """A training that is done at once or not at all."""

    def restore(self) -> Unfinished:
        """Nothing is done yet."""
        return Unfinished([], {}, [])

    def is_due(self) -> bool:
        """Never."""
        return False

    def save(self, groups: Sequence[Arrays], state: Arrays, log: Sequence[str]) -> None:
        """Drops it."""

    def of_group(self, group: int, of: str) -> Keeper:
        """Nothing of a group either."""
        return KeepsNothing()


class Group(NamedTuple):
    """A group of heads that is trained."""

    arrays: Arrays
    """Its ``tensors.*``, ``loss``, ``labels.*`` and ``confidence.*``."""
    log: list[str]
    """Its lines of ``train.jsonl``."""


class GroupTraining:
    """The training of one group.

    Args:
        number: of the group.
        trainer: of its heads, before the first epoch.
        config: all fields set.
        begun: how far it had come.
        keeper: of what is unfinished.
        is_shared: whether all processes train this group, so that they have to end together.
    """

    def __init__(
        self,
        number: int,
        trainer: HeadTrainer,
        config: TrainConfig,
        *,
        begun: Unfinished,
        keeper: Keeper,
        is_shared: bool = False,
    ) -> None:
        self.number, self.trainer, self.config = number, trainer, config
        self._keeper, self._is_shared = keeper, is_shared
        self._finished = begun.groups[0] if begun.groups else None
        self.log = list(begun.log)
        if begun.state:
            trainer.load_state({name: torch.from_numpy(v) for name, v in begun.state.items()})

    def run(self, advance: Advance, finish: Callable[[HeadTrainer], Arrays]) -> Group:
        """Trains what is left of it; ``finish`` makes what is kept of its trainer."""
        if self._finished is None:
            self._train(advance)
            self._finished = finish(self.trainer)
            self._keeper.save([self._finished], {}, self.log)
        return Group(self._finished, self.log)

    def _train(self, advance: Advance) -> None:
        trainer, looks = self.trainer, [json.loads(line) for line in self.log]
        while trainer.epoch < trainer.n_epochs and not self._stands_still(looks):
            record = {
                "group": self.number,
                "clusters": list(trainer.objective.heads.sizes),
                **trainer.train_epoch(advance)._asdict(),
            }
            looks.append(record)
            self.log.append(json.dumps(record))
            advance(0, epoch=record["epoch"], loss=record["loss"])
            if self._keeper.is_due():
                self._keeper.save([], to_numpy(trainer.state()), self.log)

    def _stands_still(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Whether to stop early; the log decides, so that a resumed training does too."""
        if self._is_shared:
            return agreed(lambda: self._has_come_to_rest(records))
        return self._has_come_to_rest(records)

    def _has_come_to_rest(self, records: Sequence[Mapping[str, Any]]) -> bool:
        looked = [record for record in records if record["collapsed"] is not None]
        if not self.config.early_stopping or not looked:
            return False
        # UIC's last phase, with fixed labels, is looked at on its own.
        progress = looked[-1]["epoch"] / required(self.config.epochs)
        is_last_phase = progress > 1.0 - (self.config.fixed_share or 1.0)
        return is_last_phase and stands_still(looked[-1]["moved"], progress=progress)


def to_numpy(state: State) -> dict[str, Any]:
    """Tensors to arrays on the CPU."""
    return {name: value.detach().cpu().numpy() for name, value in state.items()}
