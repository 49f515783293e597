"""Edits made to the labels that were found."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.corrections.edits import (
    Corrections,
    Done,
    Edit,
    ImageId,
    Merge,
    Move,
    Rename,
    Split,
    Wrong,
)
from ucls.corrections.subtrees import Leaves, smaller_half
from ucls.ensemble.head_votes import HeadVotes
from ucls.errors import UsageError
from ucls.runs.classifier import Groups
from ucls.runs.image_labels import ImageLabels
from ucls.types import Labels

WRONG = -1


class Corrected(NamedTuple):
    """What edits made of labels."""

    labels: ImageLabels
    done: frozenset[int]
    """Clusters that were looked through."""
    is_by_hand: NDArray[np.bool_]
    """Images that were moved or marked themselves, [N]."""
    became: Labels
    """The cluster that each found one was merged into, or else itself, int32 [C]."""


def apply(
    corrections: Corrections, found: ImageLabels, leaves: Leaves | None, *, n_clusters: int
) -> Corrected:
    """Makes edits, one after the other, to labels as they were found.

    Args:
        corrections: the edits.
        found: the labels; earlier corrections in them do not count.
        leaves: of their images; None where the heads have no merge tree.
        n_clusters: how many clusters were found, also without images.

    Raises:
        UsageError: if the corrections are of other labels, or an edit names what there is not; it
            tells the number of the edit.
    """
    if corrections.labels and corrections.labels != found.fingerprint:
        raise UsageError(
            "these corrections are of other labels: the run was trained or combined anew since; "
            "make a new report, and correct that (or remove the line `labels` to apply them still)"
        )
    state = _State(found, leaves, n_clusters)
    for number, edit in enumerate(corrections.edits, 1):
        try:
            state.make(edit)
        except UsageError as error:
            raise UsageError(f"edit {number} ({edit.do}): {error}") from None
    labels = replace(found, clusters=state.clusters, names=state.names)
    return Corrected(labels, frozenset(state.done), state.is_by_hand, state.became)


class _State:
    """Labels between two edits."""

    def __init__(self, found: ImageLabels, leaves: Leaves | None, n_clusters: int) -> None:
        self.found, self.leaves = found, leaves
        self.clusters: Labels = found.found.copy()
        self.numbers = set(range(n_clusters)) | set(np.unique(found.found).tolist()) - {WRONG}
        self.names: dict[int, str] = {}
        self.done: set[int] = set()
        self.is_by_hand = np.zeros(len(found), dtype=np.bool_)
        self.became = np.arange(n_clusters, dtype=np.int32)
        self._rows: dict[str, int] | None = None

    def make(self, edit: Edit) -> None:
        match edit:
            case Rename(cluster=cluster, name=name):
                self._require(cluster)
                self.names.pop(cluster, None)
                if name:
                    self.names[cluster] = name
            case Merge(clusters=clusters, into=into):
                self._require(into, *clusters)
                self._merge(set(clusters) - {into}, into)
            case Split():
                self._split(edit)
            case Move(images=images, into=into):
                self._put(images, into)
                self.numbers.add(into)
            case Wrong(images=images):
                self._put(images, WRONG)
            case Done(cluster=cluster, done=is_done):
                self._require(cluster)
                (self.done.add if is_done else self.done.discard)(cluster)

    def _require(self, *clusters: int) -> None:
        for cluster in clusters:
            if cluster not in self.numbers:
                raise UsageError(
                    f"there is no cluster {cluster}; there are {len(self.numbers)}, from "
                    f"{min(self.numbers)} to {max(self.numbers)}"
                )

    def _merge(self, gone: set[int], into: int) -> None:
        self.clusters[np.isin(self.clusters, list(gone))] = into
        self.became[np.isin(self.became, list(gone))] = into
        self.numbers -= gone
        self.done -= gone
        names = {self.names.pop(cluster) for cluster in gone & self.names.keys()}
        if len(names) == 1:
            self.names.setdefault(into, names.pop())

    def _split(self, edit: Split) -> None:
        self._require(edit.cluster)
        if self.leaves is None:
            raise UsageError("the heads of this run were not merged, so no tree splits a cluster")
        into = max(self.numbers) + 1 if edit.into is None else edit.into
        if into in self.numbers:
            raise UsageError(f"cluster {into} is there already; leave out `into`")
        is_inside = self.clusters == edit.cluster
        own = self.leaves.of_images[is_inside]
        counts = np.bincount(own[own >= 0], minlength=len(self.leaves.head.leaf_of))
        part = edit.leaves or smaller_half(self.leaves.head, counts)
        is_part = is_inside & np.isin(self.leaves.of_images, part)
        if not 0 < is_part.sum() < is_inside.sum():
            raise UsageError(f"the merge tree does not split cluster {edit.cluster} there")
        self.clusters[is_part] = into
        self.numbers.add(into)

    def _put(self, images: Iterable[ImageId], cluster: int) -> None:
        rows = [self._row(image) for image in images]
        self.clusters[rows] = cluster
        self.is_by_hand[rows] = True

    def _row(self, image: ImageId) -> int:
        if isinstance(image, int):
            if image >= len(self.found):
                raise UsageError(f"there is no row {image}; there are {len(self.found):,}")
            return image
        if self._rows is None:
            times = Counter(self.found.paths)
            self._rows = {path: row for row, path in enumerate(self.found.paths)}
            self._rows |= {path: WRONG for path, n in times.items() if n > 1}
        row = self._rows.get(image)
        if row is None:
            raise UsageError(f"there is no image {image[:200]!r} in labels.csv; check its path")
        if row == WRONG:
            raise UsageError(
                f"{image[:200]!r} is in train and in val; give its row in labels.csv, from 0"
            )
        return row


def group(corrected: Corrected) -> Groups:
    """How corrected clusters hang together with the C that were found.

    A found cluster becomes the one that most of its images are in now, those that were marked as
    wrong not counted unless all are; without images, the one that it was merged into. A corrected
    cluster is what a found one says if at least half of the images of either are in both. Outliers,
    which were found in no cluster, do not count.
    """
    labels, n_clusters = corrected.labels, len(corrected.became)
    held = labels.found >= 0
    found, clusters = labels.found[held], labels.clusters[held]
    is_empty = np.bincount(found, minlength=n_clusters) == 0
    numbers = np.union1d(labels.clusters, corrected.became[is_empty])
    counts = np.zeros((n_clusters, len(numbers)), np.int64)
    np.add.at(counts, (found, np.searchsorted(numbers, clusters)), 1)
    by_found = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    by_corrected = counts / np.maximum(counts.sum(axis=0, keepdims=True), 1)
    votes = np.where(numbers == WRONG, np.minimum(counts, 0.5), counts)
    most = np.where(is_empty, np.searchsorted(numbers, corrected.became), votes.argmax(axis=1))
    stands_for = (by_found >= 0.5) | (by_corrected >= 0.5)
    # No cluster of new images, unless a found one is wrong as a whole.
    kept = (numbers != WRONG) | np.isin(np.arange(len(numbers)), most)
    return Groups(
        numbers=numbers[kept].astype(np.int32),
        of_columns=(most - (~kept).sum()).astype(np.int32),
        stands_for=stands_for[:, kept],
        names=dict(labels.names),
    )


def by_heads(
    corrected: Corrected, groups: Groups, *, votes: HeadVotes, head_labels: Labels
) -> NDArray[np.float32]:
    """The share of the heads that put each image into its corrected cluster, [N]; 0 for none.

    Args:
        corrected: the labels.
        groups: of them.
        votes: of the heads.
        head_labels: what these say of the images, as trained, int32 [H, N].
    """
    labels = corrected.labels
    if not labels.is_corrected:
        return labels.confidence
    places = np.searchsorted(groups.numbers, labels.clusters).astype(np.int32)
    places[labels.clusters == WRONG] = -1
    return votes.confidence(head_labels, places, stands_for=groups.stands_for)
