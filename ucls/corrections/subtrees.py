"""Parts of a cluster, as the merge tree of a head tells them apart."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ucls.cache import read_merges
from ucls.cache import run_files as files
from ucls.runs.heads import as_trained
from ucls.runs.run import Run
from ucls.types import IntArray, Labels, MergedHead

LEAST_PART = 0.1
"""Of the images of a cluster; fewer go with the rest."""


@dataclass(frozen=True, eq=False)
class Leaves:
    """The leaf of each image in the merge tree of one head, namely its cluster before any merging.

    Attributes:
        head: the tree.
        of_images: int32 [N], of the images of all splits, the training images first; -1 is none.
    """

    head: MergedHead
    of_images: Labels

    @classmethod
    def of(cls, run: Run) -> Self | None:
        """Those of the head of the chosen consensus with the lowest loss; None without merging."""
        if not run.merges:
            return None
        trained = as_trained(run)
        voters = list(run.consensuses.chosen().heads)
        best = voters[int(np.argmin(trained.loss[voters]))]
        head = read_merges(run.folder.file(files.MERGES)).heads[best]
        own = [trained.labels[split][best] for split in run.splits]
        return cls(head, np.concatenate(own))


def smaller_half(head: MergedHead, counts: IntArray) -> tuple[int, ...]:
    """The leaves of the smaller of the two parts that the tree makes of a cluster.

    The tree is followed from its root to the first merge that joins two parts of the cluster, each
    with at least a tenth of its images.

    Args:
        head: the tree.
        counts: images of the cluster in each of the head's clusters, [C'].

    Returns:
        Clusters of the head; empty if the tree does not tell parts of the cluster apart.
    """
    n_leaves = len(head.tree) + 1
    children = head.tree[:, :2].astype(np.int64)
    filled = head.leaf_of >= 0
    below = np.zeros(n_leaves + len(children), np.int64)
    np.add.at(below, head.leaf_of[filled], counts[filled])
    for step, pair in enumerate(children):
        below[n_leaves + step] = below[pair].sum()
    least = max(1.0, LEAST_PART * float(below[-1]))
    node = len(below) - 1
    while node >= n_leaves:
        left, right = children[node - n_leaves].tolist()
        smaller, larger = sorted((left, right), key=lambda child: int(below[child]))
        if below[smaller] >= least:
            part = np.isin(head.leaf_of, _leaves_below(smaller, children, n_leaves))
            return tuple(np.flatnonzero(part & (counts > 0)).tolist())
        node = larger
    return ()


def _leaves_below(node: int, children: IntArray, n_leaves: int) -> list[int]:
    leaves, ahead = [], [node]
    while ahead:
        node = ahead.pop()
        if node < n_leaves:
            leaves.append(node)
        else:
            ahead.extend(children[node - n_leaves].tolist())
    return leaves
