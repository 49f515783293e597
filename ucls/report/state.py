"""A labelled run as a report sees it: its labels as corrected, and what made them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ucls.cache import read_graph
from ucls.cache import run_files as files
from ucls.corrections.edits import Corrections
from ucls.corrections.in_run import corrections_of
from ucls.corrections.replay import apply, by_heads, group
from ucls.corrections.subtrees import Leaves
from ucls.merging.links import Edges, nearest_edges
from ucls.runs.classifier import Classifier, Groups, load_classifier
from ucls.runs.heads import as_trained
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.run import Run
from ucls.types import Labels, NeighborGraph, renumber


@dataclass(frozen=True, eq=False)
class RunState:
    """A labelled run.

    Attributes:
        run: it.
        labels: of its N images, as corrected.
            The confidence is that in the corrected cluster.
        corrections: what was corrected.
        by_hand: rows of the images that were moved or marked themselves, rising.
        leaves: of the merge tree that parts of clusters are told by; None without merging.
        groups: its G clusters, beside those that were found.
        classifier: of the found clusters, with the votes of the heads.
        said: what the voters say of the images, as trained, int32 [H, N].
    """

    run: Run
    labels: ImageLabels
    corrections: Corrections
    by_hand: NDArray[np.int64]
    leaves: Leaves | None
    groups: Groups
    classifier: Classifier
    said: Labels

    @classmethod
    def of(cls, run: Run) -> Self:
        """Reads what is needed of a run; the errors are those of :func:`read_labels`."""
        corrections, leaves = corrections_of(run), Leaves.of(run)
        corrected = apply(corrections, read_labels(run), leaves, n_clusters=run.n_clusters)
        groups, classifier = group(corrected), load_classifier(run.folder)
        trained = as_trained(run)
        heads = list(classifier.voters)
        said = np.concatenate([trained.labels[split][heads] for split in run.splits], axis=1)
        confidence = by_heads(corrected, groups, votes=classifier.votes, head_labels=said)
        labels = replace(corrected.labels, confidence=confidence)
        by_hand = np.flatnonzero(corrected.is_by_hand)
        return cls(run, labels, corrections, by_hand, leaves, groups, classifier, said)

    @cached_property
    def numbers(self) -> list[int]:
        """The clusters that hold images, rising."""
        return sorted(self.labels.sizes())

    @cached_property
    def places(self) -> Labels:
        """The place in ``numbers`` of each image's cluster, int32 [N]; -1 is none."""
        of_number = {number: place for place, number in enumerate(self.numbers)}
        found, inverse = np.unique(self.labels.clusters, return_inverse=True)
        places = np.array([of_number.get(number, -1) for number in found.tolist()], np.int32)
        return places[inverse]

    @cached_property
    def train_places(self) -> Labels:
        """The same for the training images, which come first."""
        return self.places[: self.graph.n_images]

    @cached_property
    def graph(self) -> NeighborGraph:
        """The neighbours of the training images."""
        return read_graph(self.run.folder.file(files.NEIGHBORS))

    @cached_property
    def edges(self) -> Edges:
        """From each training image to its nearest."""
        return nearest_edges(self.graph)

    @cached_property
    def head_labels(self) -> Labels:
        """What the voters say of the images, named as the found clusters, int32 [H, N]."""
        names = self.classifier.votes.names
        return np.stack([renumber(*pair) for pair in zip(self.said, names, strict=True)])

    def mean_by_cluster(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """The mean of a figure of all images over each cluster, [G]; 0 without images."""
        held = self.places >= 0
        n_clusters = len(self.numbers)
        sums = np.bincount(self.places[held], values[held], minlength=n_clusters)
        sizes = np.bincount(self.places[held], minlength=n_clusters)
        return sums / np.maximum(sizes, 1)
