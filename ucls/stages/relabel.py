"""Corrections of a run's clusters, made by people, to its labels and its classifier."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ucls.cache import run_files as files
from ucls.corrections.edits import Corrections, read_corrections
from ucls.corrections.in_run import apply_in, corrections_of, keep_corrections
from ucls.corrections.replay import Corrected, by_heads, group
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.classifier import (
    Groups,
    load_classifier,
    regroup_classifier,
    rename_clusters,
)
from ucls.runs.heads import as_trained
from ucls.runs.image_labels import ImageLabels, read_labels, write_labels
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.stages.self_train import Inputs, fit_classifiers, keep_chosen
from ucls.types import renumber


class Relabelled(NamedTuple):
    """What corrections changed."""

    path: Path
    """``labels.csv``."""
    labels: ImageLabels
    n_edits: int
    n_replaced: int
    """Earlier edits that these do not go on with, kept in ``corrections-previous.toml``."""
    n_changed: int
    """Images in another cluster than the one that was found, or in none."""
    n_untold: int
    """Corrected clusters that no found cluster stands for, which only retraining can tell apart."""
    keeps_training: bool
    """False where the classifier was retrained before, on clusters that are others now."""


def relabel(
    path: str | Path,
    corrections: str | Path | Corrections | None = None,
    *,
    retrain: bool = False,
    reporter: Reporter = SILENT,
) -> Relabelled:
    """Corrects the labels of a run, and what its classifier says of new images.

    Needs a run that is labelled; leaves ``corrections.toml`` there, changes ``labels.csv``, which
    then tells both the corrected and the found cluster of each image, and writes
    ``classifier-corrected.safetensors``, which ``predict`` takes from now on. The edits are made to
    the labels as they were found, so that they replace earlier ones, and none at all restore what
    was found.

    Args:
        path: the run folder.
        corrections: a file from the report, or edits, which may be fewer where some are undone;
            None for those that the run has already.
        retrain: train the classifier anew on the corrected labels, instead of renaming and adding
            up the clusters of the one there is.
        reporter: shown what happens.

    Raises:
        UsageError: if the file is wrong, of other labels, or leaves no two clusters to train on.
        UclsError: if the run is not labelled yet.

    Example:
        >>> from ucls.corrections.edits import Corrections, Merge
        >>> from ucls.stages.relabel import relabel
        >>> edits = Corrections(edits=[Merge(clusters=[1], into=0)])
        >>> sorted(relabel("runs/features", edits).labels.sizes())
        [0, 2, 3]
    """
    run = open_run(path, after="self-train", reporter=reporter)
    match corrections:
        case Corrections():
            wanted = corrections
        case None:
            wanted = corrections_of(run)
        case _:
            wanted = read_corrections(Path(corrections))
    with run.folder.lock():
        before = read_labels(run)
        corrected = apply_in(run, wanted, before)
        labels, groups = corrected.labels, group(corrected)
        if not labels.sizes():
            raise UsageError("the corrections leave no image in any cluster: take some back")
        known = load_classifier(run.folder, corrected=True).groups
        was_retrained = known is not None and known.is_retrained
        is_same = np.array_equal(before.clusters, labels.clusters)
        if retrain:
            groups = _retrain(run, corrected, groups)
        elif not wanted.edits:
            run.folder.file(files.CORRECTED_CLASSIFIER).unlink(missing_ok=True)
        elif was_retrained and is_same:
            rename_clusters(run.folder, labels.names)
        else:
            regroup_classifier(run.folder, groups)
        write_labels(run, labels)
        is_undone = isinstance(corrections, Corrections)
        n_replaced = keep_corrections(run, wanted, before, is_undone=is_undone)
    keeps_training = retrain or not was_retrained or is_same
    told = groups if retrain or known is None or not is_same else known
    return Relabelled(
        path=run.folder.file(files.LABELS),
        labels=labels,
        n_edits=len(wanted.edits),
        n_replaced=n_replaced,
        n_changed=int((labels.clusters != labels.found).sum()),
        n_untold=len(labels.sizes().keys() - set(told.numbers[told.of_columns].tolist())),
        keeps_training=keeps_training,
    )


def _retrain(run: Run, corrected: Corrected, known: Groups) -> Groups:
    """Trains on the corrected labels, those that were put right by hand with full weight."""
    labels, rows = corrected.labels, corrected.labels.rows_of("train")
    numbers = np.array(sorted(labels.sizes()), np.int32)
    if len(numbers) < 2:
        raise UsageError(
            f"the corrections leave images in {len(numbers)} cluster, and a classifier needs two: "
            "take back some merges"
        )
    of_numbers = np.full(int(numbers.max()) + 1, -1, dtype=np.int32)
    of_numbers[numbers] = np.arange(len(numbers))
    inputs, consensus = Inputs.of(run), run.consensuses.chosen()
    said = np.concatenate(
        [as_trained(run).labels[split][list(consensus.heads)] for split in run.splits], axis=1
    )
    votes = load_classifier(run.folder).votes
    sure = by_heads(corrected, known, votes=votes, head_labels=said)
    weights = np.where(corrected.is_by_hand, 1.0, sure)[rows]
    is_weighed = run.config.self_train.confidence_weights and weights.any()
    result = fit_classifiers(
        run,
        inputs,
        renumber(labels.clusters, of_numbers)[rows],
        n_clusters=len(numbers),
        weights=weights if is_weighed else None,
    )
    groups = Groups(
        numbers=numbers,
        of_columns=np.arange(len(numbers), dtype=np.int32),
        stands_for=known.stands_for[:, np.isin(known.numbers, numbers)],
        names=known.names,
        is_retrained=True,
    )
    keep_chosen(run, inputs, result, votes=votes, groups=groups)
    return groups
