"""The training of all heads, group by group, from wherever it was stopped."""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.cache import Assignments
from ucls.clustering.head_groups import Group, GroupTraining, Keeper, KeepsNothing, to_numpy
from ucls.heads.protocol import Heads
from ucls.heads.trained import heads_metadata
from ucls.malloc import freed_memory_kept
from ucls.merging.overlap import heads_disagree
from ucls.progress import SILENT, Advance, Reporter
from ucls.ranks import agreed, everywhere, for_all, rank, world_size
from ucls.runs.checkpoint import Arrays
from ucls.runs.settling import Settling
from ucls.settings.config import Config, required
from ucls.tables import AnyFeatures
from ucls.training.groups import group_seed, group_sizes, join_heads, join_tensors
from ucls.training.timing import seconds_per_step
from ucls.training.trainer import HeadTrainer
from ucls.training.training_set import TrainingSet
from ucls.types import NeighborGraph
from ucls.wording import count, duration

Splits = Iterable[tuple[str, AnyFeatures]]


class Trained(NamedTuple):
    """All heads of a training."""

    assignments: Assignments
    tensors: dict[str, NDArray[Any]]
    """What ``heads.safetensors`` holds, with its metadata."""
    metadata: dict[str, str]


class HeadTraining:
    """The training of some heads.

    Processes that share it (torchrun) train a group each at the same time, or all the same one; in
    the end each has all groups.

    Args:
        data: what they are trained on.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
        links: gives the neighbour graph, whose nearest are enough, where it is to be seen whether
            more heads change the consensus.
        other_splits: features [M, D] as extracted, with the name of their split, that each finished
            group labels too.
        keeper: of what is unfinished.
        reporter: shown what happens.

    Attributes:
        sizes: heads of each group.
        groups: of each finished group of heads its ``tensors.*``, ``loss``, ``labels.*`` and
            ``confidence.*``.
        log: the lines of ``train.jsonl``.
    """

    def __init__(
        self,
        data: TrainingSet,
        config: Config,
        *,
        links: Callable[[], NeighborGraph],
        other_splits: Callable[[], Splits] = tuple,
        keeper: Keeper | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        self.data, self.settings, self.config = data, config, config.train
        self.n_clusters, self.reporter = required(config.n_clusters), reporter
        self.sizes = group_sizes(required(self.config.n_heads), required(self.config.heads_at_once))
        self._other_splits, self._keeper = other_splits, keeper or KeepsNothing()
        self.groups, _, self.log = agreed(self._keeper.restore)
        self._by_data = self.config.parallel == "data" and world_size() > 1
        self._links = links
        self._disagree: bool | None = None
        if self.log and json.loads(self.log[-1])["clusters"] == [self.n_clusters]:
            self._take_own_size()
        self._settling = self._new_settling()

    def train(self) -> Trained:
        """Trains groups until the consensus is settled, or there are as many heads as asked for.

        Where ``merge.linkage`` is ``auto`` and the first group cannot agree on how its clusters are
        merged, heads with as many clusters as asked for are trained in its place.
        """
        with freed_memory_kept():
            heads = self._train_all().objective.heads
            if self._heads_disagree():
                self._start_over()
                heads = self._train_all().objective.heads
        joined = {
            name: join_heads([group[name] for group in self.groups], len(heads.sizes))
            for name in self.groups[0]
            if name.startswith(("loss", "labels.", "confidence."))
        }
        return Trained(self._assignments(joined, heads), *self._weights(heads))

    def _assignments(self, joined: Arrays, heads: Heads) -> Assignments:
        n_networks = len(joined["loss"]) // len(heads.sizes)
        return Assignments(
            labels=_part(joined, "labels"),
            confidence=_part(joined, "confidence"),
            loss=joined["loss"],
            n_clusters=self.n_clusters,
            head_clusters=np.repeat(np.array(heads.sizes, dtype=np.int32), n_networks),
        )

    def _weights(self, heads: Heads) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
        tensors = join_tensors([_part(group, "tensors") for group in self.groups])
        n_heads = sum(len(group["loss"]) for group in self.groups) // len(heads.sizes)
        inputs = self.data.inputs
        return tensors, heads_metadata(
            heads, n_heads=n_heads, scale=inputs.scale, preparation=inputs.preparation
        )

    def _new_trainer(self, group: int) -> HeadTrainer:
        """The trainer of a group before its first epoch; that of the last one after it."""
        group = min(group, len(self.sizes) - 1)
        return HeadTrainer(
            self.data,
            self.config.model_copy(update={"n_heads": self.sizes[group]}),
            n_clusters=self.n_clusters,
            seed=group_seed(self.settings.seed, group),
            spaces=self.data.inputs.preparation.widths,
            reporter=self.reporter,
        )

    def _train_all(self) -> HeadTrainer:
        """Returns the trainer of a group."""
        begun = self._begin(self._own_number)
        trainer = begun.trainer
        self._tell(begun)
        is_settled = agreed(lambda: any(self._settles(group, trainer) for group in self.groups))
        per_group = trainer.n_epochs * trainer.steps_per_epoch * trainer.batch_size
        done = round((len(self.groups) + trainer.epoch / trainer.n_epochs) * per_group)
        total = len(self.sizes) * per_group
        with self.reporter.track("train", total, "images", done=done) as advance:
            while len(self.groups) < len(self.sizes) and not (is_settled or self._heads_disagree()):
                if begun.number != self._own_number:
                    begun = self._begin(self._own_number)
                is_settled = self._take(self._train_next(begun, advance), trainer)
        return trainer

    @property
    def _own_number(self) -> int:
        """The next group that this process trains."""
        return len(self.groups) + (0 if self._by_data else rank())

    @property
    def _n_at_once(self) -> int:
        """The next groups that are trained at the same time."""
        return 1 if self._by_data else min(world_size(), len(self.sizes) - len(self.groups))

    def _begin(self, number: int) -> GroupTraining:
        """The training of a group as it was left."""
        keeper = self._keeper.of_group(number, str(self.config.scales))
        begun = agreed(keeper.restore) if self._by_data else keeper.restore()
        writes = rank() == 0 or not self._by_data
        return GroupTraining(
            number,
            self._new_trainer(number),
            self.config,
            begun=begun,
            keeper=keeper if writes else KeepsNothing(),
            is_shared=self._by_data,
        )

    def _train_next(self, begun: GroupTraining, advance: Advance) -> list[Group]:
        """Trains the next groups, each process the one that it has begun."""
        if self._by_data:
            return [begun.run(advance, self._finished)]
        advance, is_busy = for_all(advance, self._n_at_once), rank() < self._n_at_once
        found = everywhere(begun.run(advance, self._finished) if is_busy else None)
        return [group for group in found if group is not None]

    def _take(self, found: Sequence[Group], trainer: HeadTrainer) -> bool:
        """Adds groups until the consensus is settled; returns whether it is."""
        for arrays, log in found:
            self.groups.append(arrays)
            self.log += log
            if rank() == 0:
                self._keeper.save(self.groups, {}, self.log)
            if agreed(partial(self._settles, arrays, trainer)):
                return True
        return False

    def _heads_disagree(self) -> bool:
        """Whether the first group of heads says that over-clustered ones are wrong here."""
        merging = self.settings.merge
        # What merging has to respect needs small clusters to merge.
        if merging.linkage != "auto" or merging.min_cluster_size or not self.groups:
            return False
        if self._disagree is None:
            self._disagree = agreed(self._do_disagree)
        return self._disagree

    def _do_disagree(self) -> bool:
        own = self.groups[0]["labels.train"]
        sizes = json.loads(self.log[0])["clusters"]
        return heads_disagree(
            own,
            self._links(),
            self.n_clusters,
            head_clusters=np.repeat(sizes, len(own) // len(sizes)).tolist(),
        )

    def _start_over(self) -> None:
        self.reporter.say(
            f"train: clusters look equal in size and overlap, heads with more than "
            f"{self.n_clusters} do not agree on how to merge them: heads with "
            f"{self.n_clusters} are trained in their place"
        )
        self._take_own_size()
        self.groups, self.log = [], []
        self._settling = self._new_settling()

    def _take_own_size(self) -> None:
        """From now on heads have as many clusters as asked for."""
        self.config = self.config.model_copy(update={"scales": (1.0,)})
        self._disagree = False

    def _new_settling(self) -> Settling | None:
        grows = len(self.sizes) > 1 and self.config.early_stopping
        return Settling(self._links(), self.settings) if grows else None

    def _tell(self, begun: GroupTraining) -> None:
        """Says where it goes on, or how long it may take."""
        if begun.log or self.log:
            last = json.loads((begun.log or self.log)[-1])
            group = f" of group {last['group'] + 1}" if len(self.sizes) > 1 else ""
            self.reporter.say(f"train: resumes after epoch {last['epoch']}{group}")
        elif rank() == 0 or self._by_data:  # whose steps take all processes
            self._tell_time(begun.trainer)

    def _tell_time(self, trainer: HeadTrainer) -> None:
        steps = trainer.n_epochs * trainer.steps_per_epoch
        seconds = steps * seconds_per_step(self._new_trainer(0))
        more = ""
        if len(self.sizes) > 1:
            n_all = required(self.config.n_heads)
            most = duration(seconds * n_all / self.sizes[0] / self._n_at_once)
            more = f"; more heads follow while they change the consensus, {n_all} in {most} at most"
        self.reporter.say(
            f"train: {count(self.sizes[0], 'head')} in about {duration(seconds)}{more}"
        )
        if world_size() > self._n_at_once and not self._by_data:
            self.reporter.say(
                f"train: {count(self._n_at_once, 'group')} of heads for {world_size()} processes, "
                "the others have nothing to do; smaller ones: --set train.heads_at_once=NUMBER"
            )

    def _finished(self, trainer: HeadTrainer) -> Arrays:
        """What is kept of a group of heads."""
        state = to_numpy(trainer.trained_state())
        arrays: dict[str, NDArray[Any]] = {f"tensors.{name}": v for name, v in state.items()}
        arrays["loss"] = trainer.head_losses.float().cpu().numpy()
        arrays["labels.train"], arrays["confidence.train"] = trainer.predict_own()
        for split, features in self._other_splits():
            found = trainer.predict(features)
            arrays[f"labels.{split}"], arrays[f"confidence.{split}"] = found
        return arrays

    def _settles(self, group: Arrays, trainer: HeadTrainer) -> bool:
        """Whether the consensus is settled with this group."""
        if self._settling is None:
            return False
        sizes = trainer.objective.heads.sizes
        n_networks = len(group["loss"]) // len(sizes)
        return self._settling.settles(group["labels.train"], np.repeat(sizes, n_networks).tolist())


def _part(arrays: Arrays, name: str) -> dict[str, NDArray[Any]]:
    """Those whose names begin with ``name.``, without it."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
