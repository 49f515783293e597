"""Stage ``train``: features and neighbours to trained heads and their assignments."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ucls.cache import atomic_write, read_graph, read_nearest, write_assignments, write_tensors
from ucls.cache import run_files as files
from ucls.heads.collapse import collapsed_heads
from ucls.merging.links import NEAREST
from ucls.progress import Reporter
from ucls.runs.checkpoint import Checkpoint
from ucls.runs.features import SplitFeatures
from ucls.runs.opening import as_stage
from ucls.runs.preparation import read_preparation
from ucls.runs.room import stay_on_disk
from ucls.runs.run import Run
from ucls.settings.config import required
from ucls.tables import RowTable
from ucls.wording import count, size

if TYPE_CHECKING:
    import torch

    from ucls.cache import Assignments
    from ucls.clustering.head_training import HeadTraining, Trained
    from ucls.preparation.prepared import Preparation
    from ucls.training.stored_inputs import ViewsOnDisk

MOST_NAMED = 5
"""Collapsed heads that are named; ``train.jsonl`` has all."""


@as_stage("train")
def train(run: Run) -> None:
    """Trains heads, group by group until more of them change nothing, and labels every split.

    Needs the features and ``neighbors.h5``; leaves ``heads.safetensors``, ``train.jsonl`` and
    ``assignments.h5``. A killed training continues from its last checkpoint, to the same result.
    """
    from ucls.ranks import together

    training, trained = together(_train, run.folder.path, reporter=run.reporter)
    write_tensors(run.folder.file(files.HEADS), trained.tensors, trained.metadata)
    with atomic_write(run.folder.file(files.TRAINING_LOG)) as partial:
        partial.write_text("".join(f"{line}\n" for line in training.log), encoding="utf-8")
    _tell(run, training, trained.assignments)
    # Those of the heads before have the same key if only a device or a version has changed.
    run.consensuses.forget()
    write_assignments(run.folder.file(files.ASSIGNMENTS), trained.assignments)
    Checkpoint(run).remove()


def _train(path: Path, *, reporter: Reporter) -> "tuple[HeadTraining, Trained]":
    """Trains the heads of a run, in all processes of a job."""
    from ucls.clustering.head_training import HeadTraining
    from ucls.devices import resolve_device
    from ucls.training.training_set import TrainingSet

    run = Run(path, reporter=reporter)
    preparation, keeper = read_preparation(run), Checkpoint(run)
    graph_path, device = run.folder.file(files.NEIGHBORS), resolve_device(run.config.device)
    with run.features("train") as cache:
        data = TrainingSet(
            _views(run, cache, preparation, key=keeper.key, device=device),
            read_graph(graph_path),
            run.config.train,
            n_clusters=run.n_wanted,
            device=device,
            preparation=preparation,
        )
    training = HeadTraining(
        data,
        run.config,
        links=lambda: read_nearest(graph_path, NEAREST),
        other_splits=lambda: _others(run),
        keeper=keeper,
        reporter=run.reporter,
    )
    return training, training.train()


def _tell(run: Run, training: "HeadTraining", assignments: "Assignments") -> None:
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


def _views(
    run: Run,
    cache: SplitFeatures,
    preparation: "Preparation",
    *,
    key: str,
    device: "torch.device",
) -> "NDArray[np.floating] | ViewsOnDisk":
    """The prepared training features [N, D], or [V, N, D] where augmented views are wanted."""
    from ucls.ranks import agreed
    from ucls.training.stored_inputs import ViewsOnDisk

    is_augmented = run.config.train.views in ("augmented", "both")
    tables = [
        preparation.of_array(cache.table(run.feature_set, view=view))
        for view in range(cache.n_views if is_augmented else 1)
    ]
    if agreed(partial(_stay_on_disk, run, *tables)):
        return ViewsOnDisk(tables, run.folder.file(files.HEAD_INPUTS), key=key, device=device)
    if not is_augmented:
        return tables[0][:]
    views = np.empty((len(tables), *tables[0].shape), tables[0].dtype)
    for view, table in enumerate(tables):
        views[view] = table[:]
    return views


def _stay_on_disk(run: Run, *tables: RowTable) -> bool:
    from ucls.training.stored_inputs import stored_dtype

    (n_images, width), config = tables[0].shape, run.config.train
    n_inputs = config.components if isinstance(config.components, int) else width
    n_rows = len(tables) * n_images
    turned = n_inputs if n_inputs < width else 0
    n_stored = n_rows * min(n_inputs, width) * stored_dtype(required(config.batch_norm)).itemsize
    return stay_on_disk(
        run,
        "train",
        n_rows * (width + turned) * tables[0].dtype.itemsize,
        price=f"heads read what they see from {size(n_stored)} in the run folder, "
        "which go when they are trained",
    )


def _others(run: Run) -> "Iterator[tuple[str, RowTable]]":
    """The features [M, D] of the splits that are not trained on."""
    for split in run.splits:
        if split != "train":
            with run.features(split) as cache:
                yield split, cache.table(run.feature_set)
