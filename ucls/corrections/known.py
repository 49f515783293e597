"""Known labels as the first corrections of a run: what clusters are called, where images belong."""

import numpy as np

from ucls.corrections.edits import LONGEST_NAME, Corrections, Edit, Move, Rename
from ucls.corrections.in_run import apply_in, keep_corrections
from ucls.corrections.replay import group
from ucls.runs.classifier import regroup_classifier
from ucls.runs.image_labels import ImageLabels
from ucls.runs.known import Known, clusters_of_labels
from ucls.runs.run import Run


def known_corrections(known: Known, found: ImageLabels, *, n_clusters: int) -> Corrections:
    """The edits that put each known image into the cluster of its label, and name these.

    A label that no cluster stands for gets a new one, which only its known images are in.

    Args:
        known: the labels.
        found: the clusters of the same images.
        n_clusters: C.
    """
    labels = np.full(len(found), -1, dtype=np.int32)
    for split, own in known.labels.items():
        labels[found.rows_of(split)] = own
    of_labels = clusters_of_labels(labels, found.found, n_labels=len(known.names))
    is_new = of_labels < 0
    of_labels[is_new] = n_clusters + np.arange(np.count_nonzero(is_new))
    edits: list[Edit] = []
    for number, (name, cluster) in enumerate(zip(known.names, of_labels.tolist(), strict=True)):
        moved = np.flatnonzero((labels == number) & (found.found != cluster))
        if len(moved):
            edits.append(Move(images=tuple(moved.tolist()), into=cluster))
        edits.append(Rename(cluster=cluster, name=name[:LONGEST_NAME]))
    return Corrections(edits=tuple(edits))


def correct_known(run: Run, known: Known, found: ImageLabels) -> ImageLabels:
    """Makes these corrections in a run that has no others."""
    corrections = known_corrections(known, found, n_clusters=run.n_clusters)
    corrected = apply_in(run, corrections, found)
    regroup_classifier(run.folder, group(corrected))
    keep_corrections(run, corrections, found)
    return corrected.labels
