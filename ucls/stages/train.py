"""Stage ``train``: features and neighbours to trained heads and their assignments."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ucls.cache import Assignments, atomic_write, read_graph, write_assignments, write_tensors
from ucls.cache import run_files as files
from ucls.heads.collapse import collapsed_heads
from ucls.progress import Advance
from ucls.runs.checkpoint import Checkpoint
from ucls.runs.opening import as_stage
from ucls.runs.preparation import read_preparation
from ucls.runs.run import Run
from ucls.runs.settling import Settling
from ucls.settings.config import required
from ucls.training.standstill import stands_still
from ucls.wording import count, duration

if TYPE_CHECKING:
    from ucls.preparation.prepared import Preparation
    from ucls.training.trainer import HeadTrainer, State
    from ucls.training.training_set import TrainingSet

MOST_NAMED = 5
"""Collapsed heads that are named; ``train.jsonl`` has all."""

Arrays = Mapping[str, NDArray[Any]]


@as_stage("train")
def train(run: Run) -> None:
    """Trains heads, group by group until more of them change nothing, and labels every split.

    Needs the features and ``neighbors.h5``; leaves ``heads.safetensors``, ``train.jsonl`` and
    ``assignments.h5``. A killed training continues from its last checkpoint, to the same result.
    """
    from ucls.devices import resolve_device
    from ucls.heads.trained import heads_metadata
    from ucls.malloc import freed_memory_kept
    from ucls.training.groups import join_heads, join_tensors
    from ucls.training.training_set import TrainingSet

    preparation = read_preparation(run)
    data = TrainingSet(
        _read_views(run, preparation),
        read_graph(run.folder.file(files.NEIGHBORS)),
        run.config.train,
        n_clusters=run.n_clusters,
        device=resolve_device(run.config.device),
        preparation=preparation,
    )
    training = _Training(run, data)
    with freed_memory_kept():
        heads = training.train_all().objective.heads
    groups = training.groups
    joined = {
        name: join_heads([group[name] for group in groups], len(heads.sizes))
        for name in groups[0]
        if name.startswith(("loss", "labels.", "confidence."))
    }
    n_networks = len(joined["loss"]) // len(heads.sizes)
    write_tensors(
        run.folder.file(files.HEADS),
        join_tensors([_part(group, "tensors") for group in groups]),
        heads_metadata(heads, n_heads=n_networks, scale=data.inputs.scale, preparation=preparation),
    )
    with atomic_write(run.folder.file(files.TRAINING_LOG)) as partial:
        partial.write_text("".join(f"{line}\n" for line in training.log), encoding="utf-8")
    assignments = Assignments(
        labels=_part(joined, "labels"),
        confidence=_part(joined, "confidence"),
        loss=joined["loss"],
        n_clusters=run.n_clusters,
        head_clusters=np.repeat(np.array(heads.sizes, dtype=np.int32), n_networks),
    )
    _tell(run, training, assignments)
    # Those of the heads before have the same key if only a device or a version has changed.
    run.consensuses.forget()
    write_assignments(run.folder.file(files.ASSIGNMENTS), assignments)
    training.checkpoint.remove()


class _Training:
    """The training of a run, from wherever it was stopped.

    Attributes:
        groups: of each finished group of heads its ``tensors.*``, ``loss``, ``labels.*`` and
            ``confidence.*``.
        log: the lines of ``train.jsonl``.
    """

    def __init__(self, run: Run, data: "TrainingSet") -> None:
        from ucls.training.groups import group_sizes

        self.run, self.data, self.config = run, data, run.config.train
        self.sizes = group_sizes(required(self.config.n_heads), required(self.config.heads_at_once))
        self.checkpoint = Checkpoint(run)
        self.groups, self._state, self.log = self.checkpoint.restore()
        grows = len(self.sizes) > 1 and self.config.early_stopping
        self._settling = Settling(run) if grows else None

    def new_trainer(self, group: int) -> "HeadTrainer":
        """The trainer of a group before its first epoch; that of the last one after it."""
        from ucls.training.groups import group_seed
        from ucls.training.trainer import HeadTrainer

        group = min(group, len(self.sizes) - 1)
        return HeadTrainer(
            self.data,
            self.config.model_copy(update={"n_heads": self.sizes[group]}),
            n_clusters=self.run.n_clusters,
            seed=group_seed(self.run.config.seed, group),
            spaces=self.data.inputs.preparation.widths,
            reporter=self.run.reporter,
        )

    def train_all(self) -> "HeadTrainer":
        """Trains groups until the consensus is settled, or there are as many heads as asked for.

        Returns:
            The trainer of the last group.
        """
        trainer, first = self._resumed() if self.log else self._timed(), len(self.groups)
        is_settled = any(self._settles(group, trainer) for group in self.groups)
        per_group = trainer.n_epochs * trainer.steps_per_epoch * trainer.batch_size
        done = round((first + trainer.epoch / trainer.n_epochs) * per_group)
        total = len(self.sizes) * per_group
        with self.run.reporter.track("train", total, "images", done=done) as advance:
            for group in range(first, len(self.sizes)):
                if is_settled:
                    break
                trainer = trainer if group == first else self.new_trainer(group)
                self._train_group(trainer, advance)
                self.groups.append(self._finished(trainer))
                self.checkpoint.save(self.groups, {}, self.log)
                is_settled = self._settles(self.groups[-1], trainer)
        return trainer

    def _timed(self) -> "HeadTrainer":
        """The trainer of the first group, once it is told how long all of them may take."""
        from ucls.training.timing import seconds_per_step

        trainer = self.new_trainer(0)
        steps = trainer.n_epochs * trainer.steps_per_epoch
        seconds = steps * seconds_per_step(self.new_trainer(0))
        more = ""
        if len(self.sizes) > 1:
            n_all = required(self.config.n_heads)
            most = duration(seconds * n_all / self.sizes[0])
            more = f"; more heads follow while they change the consensus, {n_all} in {most} at most"
        self.run.reporter.say(
            f"train: {count(self.sizes[0], 'head')} in about {duration(seconds)}{more}"
        )
        return trainer

    def _resumed(self) -> "HeadTrainer":
        """The trainer of the group that is not finished, as it was left."""
        import torch

        trainer = self.new_trainer(len(self.groups))
        if self._state:
            trainer.load_state({name: torch.from_numpy(v) for name, v in self._state.items()})
        last = json.loads(self.log[-1])
        group = f" of group {last['group'] + 1}" if len(self.sizes) > 1 else ""
        self.run.reporter.say(f"train: resumes after epoch {last['epoch']}{group}")
        return trainer

    def _train_group(self, trainer: "HeadTrainer", advance: Advance) -> None:
        group = len(self.groups)
        looks = [line for line in map(json.loads, self.log) if line["group"] == group]
        while trainer.epoch < trainer.n_epochs and not self._stands_still(looks):
            record = {"group": group, **trainer.train_epoch(advance)._asdict()}
            looks.append(record)
            self.log.append(json.dumps(record))
            advance(0, epoch=record["epoch"], loss=record["loss"])
            if self.checkpoint.is_due():
                self.checkpoint.save(self.groups, to_numpy(trainer.state()), self.log)

    def _stands_still(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Whether to stop early; the log decides, so that a resumed training does too."""
        looked = [record for record in records if record["collapsed"] is not None]
        if not self.config.early_stopping or not looked:
            return False
        # UIC's last phase, with fixed labels, is looked at on its own.
        progress = looked[-1]["epoch"] / required(self.config.epochs)
        is_last_phase = progress > 1.0 - (self.config.fixed_share or 1.0)
        return is_last_phase and stands_still(looked[-1]["moved"], progress=progress)

    def _finished(self, trainer: "HeadTrainer") -> Arrays:
        """What is kept of a group of heads."""
        state = to_numpy(trainer.trained_state())
        arrays: dict[str, NDArray[Any]] = {f"tensors.{name}": v for name, v in state.items()}
        arrays["loss"] = trainer.head_losses.float().cpu().numpy()
        for split in self.run.splits:
            if split == "train":
                found = trainer.predict_own()
            else:
                with self.run.features(split) as cache:
                    found = trainer.predict(cache.read(self.run.feature_set))
            arrays[f"labels.{split}"], arrays[f"confidence.{split}"] = found
        return arrays

    def _settles(self, group: Arrays, trainer: "HeadTrainer") -> bool:
        """Whether the consensus is settled with this group."""
        if self._settling is None:
            return False
        sizes = trainer.objective.heads.sizes
        n_networks = len(group["loss"]) // len(sizes)
        return self._settling.settles(group["labels.train"], np.repeat(sizes, n_networks).tolist())


def _tell(run: Run, training: _Training, assignments: Assignments) -> None:
    """Says how the training ended, and which heads have collapsed."""
    # Later lines of a group replace its earlier ones, so its last epoch stays.
    records = map(json.loads, training.log)
    epochs = {record["group"]: record["epoch"] for record in records}.values()
    n_heads = len(assignments.loss)
    ends = str(max(epochs)) if min(epochs) == max(epochs) else f"{min(epochs)} to {max(epochs)}"
    of_all = count(required(run.config.train.epochs), "epoch")
    told = [count(n_heads, "head"), f"{ends} of {of_all}"]
    if min(epochs) < required(run.config.train.epochs):
        told.append("standing still since")
    if len(epochs) < len(training.sizes):
        told.append("more heads change nothing")
    run.reporter.say(f"train: {', '.join(told)}")
    most = np.minimum(assignments.head_clusters, training.data.n_distinct)
    found = collapsed_heads(assignments.labels["train"], most)
    collapsed = [f"head {head} {reason}" for head, reason in found.items()]
    if not collapsed:
        return
    more = f" and {len(collapsed) - MOST_NAMED} more" if len(collapsed) > MOST_NAMED else ""
    named = f"collapsed: {', '.join(collapsed[:MOST_NAMED])}{more}"
    if len(collapsed) == n_heads:
        run.reporter.warn(f"train: all heads have {named}")
    else:
        run.reporter.say(f"train: {named}")


def _part(arrays: Arrays, name: str) -> dict[str, NDArray[Any]]:
    """Those whose names begin with ``name.``, without it."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _read_views(run: Run, preparation: "Preparation") -> NDArray[np.floating]:
    """The prepared training features [N, D], or [V, N, D] where augmented views are wanted."""
    with run.features("train") as cache:
        if run.config.train.views not in ("augmented", "both"):
            return preparation.of_array(cache.read(run.feature_set))
        plain = preparation.of_array(cache.read(run.feature_set))
        views = np.empty((cache.n_views, *plain.shape), dtype=plain.dtype)
        views[0] = plain
        for view in range(1, cache.n_views):
            views[view] = preparation.of_array(cache.read(run.feature_set, view=view))
        return views


def to_numpy(state: "State") -> dict[str, Any]:
    """Tensors to arrays on the CPU."""
    return {name: value.detach().cpu().numpy() for name, value in state.items()}
