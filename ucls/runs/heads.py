"""What the heads of a run say of its images."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ucls.cache import Assignments, read_assignments, read_merges
from ucls.cache import run_files as files
from ucls.runs.run import Run
from ucls.types import renumber


def heads_of(run: Run) -> Assignments:
    """What the heads say, as the consensus sees them: with merged clusters if they are merged.

    The confidence is that of a head's own cluster, of which a merged one may hold several.
    """
    assignments = read_assignments(run.folder.file(files.ASSIGNMENTS))
    if not run.merges:
        return assignments
    mappings = [
        head.cut(run.n_clusters) for head in read_merges(run.folder.file(files.MERGES)).heads
    ]
    return merged_assignments(assignments, mappings, run.n_clusters)


def as_trained(run: Run) -> Assignments:
    """What the heads say, with the clusters that they were trained with."""
    return read_assignments(run.folder.file(files.ASSIGNMENTS))


def merged_assignments(
    assignments: Assignments, mappings: Sequence[NDArray[np.int32]], n_clusters: int
) -> Assignments:
    """Renames the clusters of every head.

    Args:
        assignments: of R heads.
        mappings: for each head the new cluster of each of its clusters, [C']; -1 is none.
        n_clusters: of every head from now on.
    """
    labels = {
        split: np.stack(
            [renumber(head, mapping) for mapping, head in zip(mappings, by_head, strict=True)]
        )
        for split, by_head in assignments.labels.items()
    }
    merged = np.full_like(assignments.head_clusters, n_clusters)
    return Assignments(labels, assignments.confidence, assignments.loss, n_clusters, merged)
