"""Stage ``train``: features and neighbours to trained heads and their assignments."""

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ucls.cache import (
    Assignments,
    atomic_write,
    read_graph,
    read_tensors,
    write_assignments,
    write_tensors,
)
from ucls.cache import run_files as files
from ucls.runs.opening import as_stage
from ucls.runs.resolve import feature_widths
from ucls.runs.run import Run
from ucls.settings.config import required
from ucls.training.standstill import Look, stands_still
from ucls.wording import count

if TYPE_CHECKING:
    from ucls.training.trainer import HeadTrainer, State

CHECKPOINT_VERSION = 3
"""Raised whenever the layout of the trainer's state changes; older ones are not continued."""

MOST_NAMED = 5
"""Collapsed heads that are named; ``train.jsonl`` has all."""

CHECKPOINT_SHARE = 0.05
"""Checkpoints take at most this share of the training time."""


@as_stage("train")
def train(run: Run) -> None:
    """Trains all heads, and labels every split with each.

    Needs the features and ``neighbors.h5``; leaves ``heads.safetensors``, ``train.jsonl`` and
    ``assignments.h5``. A killed training continues from its last checkpoint, to the same result.
    """
    from ucls.devices import resolve_device
    from ucls.heads.trained import heads_metadata
    from ucls.malloc import freed_memory_kept
    from ucls.training.trainer import HeadTrainer

    trainer = HeadTrainer(
        _read_views(run),
        read_graph(run.folder.file(files.NEIGHBORS)),
        run.config.train,
        n_clusters=run.n_clusters,
        seed=run.config.seed,
        device=resolve_device(run.config.device),
        spaces=feature_widths(run.feature_set, run.data),
    )
    checkpoint = Checkpoint(run, trainer)
    records = checkpoint.restore()
    with freed_memory_kept():
        _train_epochs(run, trainer, checkpoint, records)
    write_tensors(
        run.folder.file(files.HEADS),
        to_numpy(trainer.trained_state()),
        heads_metadata(trainer.objective.heads, scale=trainer.scale),
    )
    with atomic_write(run.folder.file(files.TRAINING_LOG)) as partial:
        partial.write_text("".join(f"{line}\n" for line in records), encoding="utf-8")
    # Those of the heads before have the same key if only a device or a version has changed.
    run.consensuses.forget()
    write_assignments(run.folder.file(files.ASSIGNMENTS), _assign(run, trainer))
    checkpoint.remove()


def _train_epochs(
    run: Run, trainer: "HeadTrainer", checkpoint: "Checkpoint", records: list[str]
) -> None:
    epochs = required(run.config.train.epochs)
    n_images = trainer.steps_per_epoch * trainer.batch_size
    done = trainer.epoch * n_images
    looks = [look for look in map(json.loads, records) if look["agreement"] is not None]
    with run.reporter.track("train", epochs * n_images, "images", done=done) as advance:
        while trainer.epoch < epochs and not _may_stop(run, looks):
            record = trainer.train_epoch(advance)._asdict()
            records.append(json.dumps(record))
            looks += [record] if record["agreement"] is not None else []
            advance(0, epoch=record["epoch"], loss=record["loss"])
            checkpoint.save_if_due(records)
    standing = ", standing still since" if trainer.epoch < epochs else ""
    run.reporter.say(
        f"train: {count(trainer.n_all_heads, 'head')}, {trainer.epoch} of "
        f"{count(epochs, 'epoch')}{standing}"
    )
    collapsed = [f"head {head} {reason}" for head, reason in looks[-1]["collapsed"].items()]
    if collapsed:
        more = f" and {len(collapsed) - MOST_NAMED} more" if len(collapsed) > MOST_NAMED else ""
        told = f"collapsed: {', '.join(collapsed[:MOST_NAMED])}{more}"
        if len(collapsed) == trainer.n_all_heads:
            run.reporter.warn(f"train: all heads have {told}")
        else:
            run.reporter.say(f"train: {told}")


def _may_stop(run: Run, looks: list[dict[str, Any]]) -> bool:
    """Whether the training is to stop early; the log decides, so that a resumed one does too."""
    config = run.config.train
    if not config.early_stopping:
        return False
    # UIC's last phase, with fixed labels, is looked at on its own.
    first = required(config.epochs) * (1.0 - config.fixed_share) if config.fixed_share else 0
    recent = (look for look in looks if look["epoch"] > first)
    return stands_still([Look(look["loss"], look["agreement"]) for look in recent])


def _assign(run: Run, trainer: "HeadTrainer") -> Assignments:
    labels, confidence = {}, {}
    for split in run.splits:
        with run.features(split) as cache:
            labels[split], confidence[split] = trainer.predict(cache.read(run.feature_set))
    loss = trainer.head_losses.float().cpu().numpy()
    head_clusters = np.array(trainer.head_clusters, dtype=np.int32)
    return Assignments(labels, confidence, loss, run.n_clusters, head_clusters)


def _read_views(run: Run) -> NDArray[np.floating]:
    """The training features [N, D], or [V, N, D] where augmented views are wanted."""
    with run.features("train") as cache:
        if run.config.train.views not in ("augmented", "both"):
            return cache.read(run.feature_set)
        plain = cache.read(run.feature_set)
        views = np.empty((cache.n_views, *plain.shape), dtype=plain.dtype)
        views[0] = plain
        for view in range(1, cache.n_views):
            views[view] = cache.read(run.feature_set, view=view)
        return views


class Checkpoint:
    """The state of an unfinished training, in one file that is replaced as a whole."""

    def __init__(self, run: Run, trainer: "HeadTrainer") -> None:
        self.run, self.trainer = run, trainer
        self.path = run.folder.file(files.CHECKPOINT)
        self.key = f"{CHECKPOINT_VERSION} {run.freshness.key('train')}"
        self.saved_at, self.cost = time.perf_counter(), 0.0

    def restore(self) -> list[str]:
        """Loads the last state of the same training, if any; returns its lines of the log."""
        import torch

        if not self.path.is_file():
            return []
        tensors, metadata = read_tensors(self.path)
        if metadata.get("key") != self.key:
            return []
        self.trainer.load_state({name: torch.from_numpy(v) for name, v in tensors.items()})
        self.run.reporter.say(f"train: resumes after epoch {self.trainer.epoch}")
        log: list[str] = json.loads(metadata["log"])
        return log

    def save_if_due(self, records: list[str]) -> None:
        """Saves once the time since the last save is long against what a save costs."""
        now = time.perf_counter()
        if now - self.saved_at < self.cost / CHECKPOINT_SHARE:
            return
        metadata = {"key": self.key, "log": json.dumps(records)}
        write_tensors(self.path, to_numpy(self.trainer.state()), metadata)
        self.saved_at = time.perf_counter()
        self.cost = self.saved_at - now

    def remove(self) -> None:
        """Forgets the state of a training that is finished."""
        self.path.unlink(missing_ok=True)


def to_numpy(state: "State") -> dict[str, Any]:
    """Tensors to arrays on the CPU."""
    return {name: value.detach().cpu().numpy() for name, value in state.items()}
