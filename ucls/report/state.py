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
from ucls.corrections.replay import group
from ucls.corrections.subtrees import Leaves
from ucls.merging.links import Edges, nearest_edges
from ucls.runs.classifier import Classifier, Groups, load_classifier
from ucls.runs.heads import as_trained
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.run import Run
from ucls.types import Labels, NeighborGraph


@dataclass(frozen=True, eq=False)
class RunState:
    """A labelled run.

    Attributes:
        run: it.
        labels: of its N images, as corrected.
        corrections: what was corrected.
        leaves: of the merge tree that parts of clusters are told by; None without merging.
        groups: its G clusters, beside those that were found.
    """

    run: Run
    labels: ImageLabels
    corrections: Corrections
    leaves: Leaves | None
    groups: Groups

    @classmethod
    def of(cls, run: Run) -> Self:
        """Reads what is needed of a run; the errors are those of :func:`read_labels`."""
        labels = read_labels(run)
        corrections = corrections_of(run)
        given = {edit.cluster: edit.name for edit in corrections.edits if edit.do == "rename"}
        names = {number: name for number, name in given.items() if labels.names.get(number) == name}
        labels = replace(labels, names={**labels.names, **names})
        return cls(run, labels, corrections, Leaves.of(run), group(labels, run.n_clusters))

    @cached_property
    def numbers(self) -> list[int]:
        """The clusters that hold images, rising."""
        return [number for number in self.groups.numbers.tolist() if number >= 0]

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
    def classifier(self) -> Classifier:
        """The one of the found clusters, with the votes of the heads."""
        return load_classifier(self.run.folder)

    @cached_property
    def head_labels(self) -> Labels:
        """What the voters say of the images, named as the found clusters, int32 [H, N]."""
        from ucls.types import renumber

        trained, classifier = as_trained(self.run), self.classifier
        voters = list(classifier.voters)
        own = np.concatenate([trained.labels[split][voters] for split in self.run.splits], axis=1)
        return np.stack([renumber(*pair) for pair in zip(own, classifier.votes.names, strict=True)])

    def mean_by_cluster(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """The mean of a figure of all images over each cluster, [G]; 0 without images."""
        held = self.places >= 0
        n_clusters = len(self.numbers)
        sums = np.bincount(self.places[held], values[held], minlength=n_clusters)
        sizes = np.bincount(self.places[held], minlength=n_clusters)
        return sums / np.maximum(sizes, 1)
