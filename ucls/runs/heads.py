"""What the heads of a run say of its images."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ucls.cache import Assignments, read_assignments, read_merges
from ucls.cache import run_files as files
from ucls.feature_sets import count_distinct
from ucls.heads.collapse import collapsed_heads
from ucls.progress import Reporter
from ucls.runs.run import Run
from ucls.types import LINKAGES, Labels, Linkage, renumber


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


def wanted_linkage(run: Run) -> Linkage | Literal["auto"]:
    """How heads are merged, where they are."""
    wanted = run.config.merge.linkage
    return next((linkage for linkage in LINKAGES if linkage == wanted), "auto")


def numbered_alike(run: Run, heads: Sequence[int]) -> bool:
    """Whether a number means the same cluster in all of these heads."""
    return run.merges and read_merges(run.folder.file(files.MERGES)).numbered_alike(heads)


def merged_assignments(
    assignments: Assignments, mappings: Sequence[NDArray[np.int32]], n_clusters: int
) -> Assignments:
    """Renames the clusters of every head.

    Args:
        assignments: of R heads.
        mappings: for each head the new cluster of each of its clusters, [C']; -1 is none.
        n_clusters: of every head from now on.
    """
    labels = {s: merge_labels(by_head, mappings) for s, by_head in assignments.labels.items()}
    merged = np.full_like(assignments.head_clusters, n_clusters)
    return Assignments(labels, assignments.confidence, assignments.loss, n_clusters, merged)


def merge_labels(by_head: Labels, mappings: Sequence[Labels]) -> Labels:
    """What heads say, int32 [H, N], with each cluster as its head's mapping [C'] names it."""
    return np.stack([renumber(*pair) for pair in zip(by_head, mappings, strict=True)])


def find_collapsed(run: Run) -> dict[int, str]:
    """The heads that had collapsed before their clusters were merged, each with the reason."""

    def read() -> NDArray[np.floating]:
        with run.features("train") as cache:
            return cache.read(run.feature_set)

    return collapsed_among(as_trained(run), read)


def collapsed_among(
    trained: Assignments, read_features: Callable[[], NDArray[np.floating]]
) -> dict[int, str]:
    """The heads that have collapsed, each with the reason.

    Args:
        trained: what they say, with the clusters that they were trained with.
        read_features: of the training images, [N, D]; only asked where all seem to have collapsed.
    """
    labels, head_clusters = trained.labels["train"], trained.head_clusters
    found = collapsed_heads(labels, head_clusters)
    if len(found) < len(labels):
        return found
    # No head can fill more clusters than there are different images.
    n_distinct = count_distinct(read_features(), enough=int(head_clusters.max()))
    return collapsed_heads(labels, np.minimum(head_clusters, n_distinct))


def all_collapsed(run: Run, heads: Iterable[int]) -> bool:
    """Whether each of some heads has collapsed, so that nothing is known of the images."""
    return find_collapsed(run).keys() >= set(heads)


def warn_of_collapse(path: Path, reporter: Reporter) -> None:
    """Warns if the chosen consensus of a run rests on collapsed heads alone."""
    run = Run(path)
    if run.consensuses.chosen_name() is None:
        return
    voters = run.consensuses.chosen().heads
    if all_collapsed(run, voters):
        reporter.warn(all_collapsed_text(len(voters), of=f" of {path}"))


def all_collapsed_text(n_voters: int, *, of: str = "") -> str:
    """Says that a consensus rests on collapsed heads alone, and what to do."""
    return (
        f"all {n_voters} heads{of} have collapsed, so its clusters mean nothing and "
        "their confidence is 0: the training was too short or went astray, there are too few "
        "images for so many clusters, or the features hardly tell them apart; try more "
        "train.epochs, a lower train.learning_rate, fewer clusters or other features"
    )
