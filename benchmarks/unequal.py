"""Digits with unequal classes, and neighbours that the labels give."""

import numpy as np
import numpy.typing as npt

from ucls.types import NeighborGraph

Labels = npt.NDArray[np.int32]

THINNING_SEED = 0


def thinned_rows(
    labels: Labels, *, ratio: float, seed: int = THINNING_SEED
) -> npt.NDArray[np.int64]:
    """Rows that leave class sizes falling evenly from the first to 1 / ratio of the last class.

    Args:
        labels: classes from 0, int32 [N], about equally large.
        ratio: of the largest to the smallest class; 1 keeps all rows.
        seed: of the order of the classes and of the rows that are kept.

    Returns:
        The rows that are kept, int64, rising.
    """
    rng = np.random.default_rng(seed)
    n_classes = int(labels.max()) + 1
    kept = []
    for place, label in enumerate(rng.permutation(n_classes)):
        rows = np.flatnonzero(labels == label)
        share = ratio ** -(place / max(n_classes - 1, 1))
        kept.append(rng.choice(rows, round(len(rows) * share), replace=False))
    return np.sort(np.concatenate(kept))


def oracle_graph(labels: Labels) -> NeighborGraph:
    """The graph in which the neighbours of an image are all others of its class (table 6.5).

    Args:
        labels: classes from 0, int32 [N]; each has two images or more.
    """
    members = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
    rows = [members[label][members[label] != row] for row, label in enumerate(labels)]
    counts = np.array([len(row) for row in rows])
    return NeighborGraph(
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        indices=np.concatenate(rows).astype(np.int32),
        similarity=np.ones(counts.sum(), dtype=np.float16),
        k=int(counts.min()),
        threshold=None,
        cap=None,
        n_capped=0,
        backend="labels",
        exact=True,
    )
