"""What is known of images as the first corrections of a run: names of clusters, and who belongs."""

import hashlib
from pathlib import Path

import numpy as np

from ucls.cache import run_files as files
from ucls.constraints.placing import place_where_most_are
from ucls.corrections.edits import LONGEST_NAME, Corrections, Edit, Move, Rename
from ucls.corrections.in_run import (
    apply_in,
    carry_corrections,
    corrections_of,
    keep_corrections,
    put_aside,
)
from ucls.corrections.replay import group
from ucls.runs.classifier import regroup_classifier
from ucls.runs.image_labels import ImageLabels
from ucls.runs.known import Known
from ucls.runs.run import Run
from ucls.types import Labels, renumber

OWN = "known_corrections"
"""In ``run.json``, what tells corrections that no person has changed since they were made here."""


def known_corrections(
    known: Known, consensus: Labels, found: ImageLabels, *, n_clusters: int
) -> Corrections:
    """The edits that put known images where they belong, and name clusters after labels.

    Args:
        known: of the images.
        consensus: of the training images, int32 [n], which respects what is known of these.
        found: the clusters of all images.
        n_clusters: C.
    """
    constraints = known.constraints
    clusters = np.concatenate([consensus, found.found[len(consensus) :]])
    # The consensus decides; other images only for groups that are not in it.
    weights = np.where(np.arange(len(found)) < len(consensus), float(len(found)), 1.0)
    placed = place_where_most_are(constraints, clusters, n_clusters=n_clusters, weights=weights)
    wanted = renumber(constraints.group_of, placed)
    edits: list[Edit] = []
    for cluster in range(n_clusters):
        moved = np.flatnonzero((wanted == cluster) & (found.found != cluster))
        if len(moved):
            edits.append(Move(images=tuple(moved.tolist()), into=cluster))
    held = constraints.group_of[clusters >= 0]
    for label in np.unique(held[held >= 0]).tolist():
        if label < len(known.names):
            name, cluster = known.names[label][:LONGEST_NAME], int(placed[label])
            edits.append(Rename(cluster=cluster, name=name))
    return Corrections(edits=tuple(edits))


def correct_known(run: Run, known: Known, found: ImageLabels) -> ImageLabels:
    """Makes these corrections in a run; what people corrected after the same ones stays."""
    consensus, path = run.consensuses.chosen().labels["train"], run.folder.file(files.CORRECTIONS)
    corrections = known_corrections(known, consensus, found, n_clusters=run.n_clusters)
    if path.is_file():
        _clear_away(run, corrections, found)
    if path.is_file():
        labels = carry_corrections(run, found)
        if path.is_file():
            return labels
    if not corrections.edits:
        return found
    corrected = apply_in(run, corrections, found)
    regroup_classifier(run.folder, group(corrected))
    keep_corrections(run, corrections, found)
    run.folder.update(**{OWN: _digest(path)})
    return corrected.labels


def _clear_away(run: Run, corrections: Corrections, found: ImageLabels) -> None:
    """Removes earlier corrections of this kind, and puts those of people aside, unless they fit."""
    path, before = run.folder.file(files.CORRECTIONS), corrections_of(run)
    is_same = before.edits[: len(corrections.edits)] == corrections.edits
    if _digest(path) == run.folder.record.get(OWN):
        if not is_same or before.labels != found.fingerprint:
            path.unlink()
            run.folder.file(files.CORRECTED_CLASSIFIER).unlink(missing_ok=True)
    elif not is_same:
        put_aside(run, "other images are known now, or they are known to be elsewhere")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
