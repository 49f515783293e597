"""Corrections of a run's clusters, made by people, to its labels and its classifier."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ucls.cache import run_files as files
from ucls.corrections.edits import Corrections, read_corrections
from ucls.corrections.in_run import apply_in, corrections_of, keep_corrections
from ucls.corrections.replay import Corrected, group
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.classifier import Groups, regroup_classifier
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
    n_changed: int
    """Images in another cluster than the one that was found, or in none."""
    n_untold: int
    """Corrected clusters that no found cluster stands for, which only retraining can tell apart."""


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
        corrections: a file from the report, or edits; None for those that the run has already.
        retrain: train the classifier anew on the corrected labels, instead of renaming and adding
            up the clusters of the one there is.
        reporter: shown what happens.

    Raises:
        UsageError: if the file is wrong, of other labels, or leaves no two clusters to train on.
        UclsError: if the run is not labelled yet.
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
        found = read_labels(run)
        corrected = apply_in(run, wanted, found)
        groups = group(corrected.labels, run.n_clusters)
        if retrain:
            groups = _retrain(run, corrected)
        elif wanted.edits:
            regroup_classifier(run.folder, groups)
        else:
            run.folder.file(files.CORRECTED_CLASSIFIER).unlink(missing_ok=True)
        write_labels(run, corrected.labels)
        keep_corrections(run, wanted, found)
    labels = corrected.labels
    return Relabelled(
        path=run.folder.file(files.LABELS),
        labels=labels,
        n_edits=len(wanted.edits),
        n_changed=int((labels.clusters != labels.found).sum()),
        n_untold=len(labels.sizes().keys() - set(groups.numbers[groups.of_columns].tolist())),
    )


def _retrain(run: Run, corrected: Corrected) -> Groups:
    """Trains on the corrected labels, those that were put right by hand with full weight."""
    labels, rows = corrected.labels, corrected.labels.rows_of("train")
    held = labels.clusters >= 0
    numbers = np.unique(labels.clusters[held])
    if len(numbers) < 2:
        raise UsageError(
            f"the corrections leave images in {len(numbers)} cluster, and a classifier needs two: "
            "take back some merges"
        )
    of_numbers = np.full(int(numbers.max()) + 1, -1, dtype=np.int32)
    of_numbers[numbers] = np.arange(len(numbers))
    weights = np.where(corrected.is_by_hand, 1.0, labels.confidence)[rows]
    is_weighed = run.config.self_train.confidence_weights and weights.any()
    inputs = Inputs.of(run)
    result = fit_classifiers(
        run,
        inputs,
        renumber(labels.clusters, of_numbers)[rows],
        n_clusters=len(numbers),
        weights=weights if is_weighed else None,
    )
    known = group(labels, run.n_clusters)
    groups = Groups(
        numbers=numbers.astype(np.int32),
        of_columns=np.arange(len(numbers), dtype=np.int32),
        stands_for=known.stands_for[:, known.numbers >= 0],
        names=known.names,
    )
    keep_chosen(run, inputs, result, groups=groups)
    return groups
