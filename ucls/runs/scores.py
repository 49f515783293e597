"""Figures of clusters: against labels, and on their own."""

from collections.abc import Mapping

from ucls.ensemble.results import empty_note
from ucls.metrics import scores as metrics
from ucls.progress import Reporter
from ucls.types import Figures, Labels
from ucls.wording import count


def scores(labels: Labels | None, clusters: Labels) -> Figures:
    """Scores against labels; empty without labels."""
    return {} if labels is None else dict(metrics.clustering_metrics(labels, clusters))


def balance(clusters: Labels, n_clusters: int) -> Figures:
    """How evenly the clusters are filled."""
    sizes = metrics.cluster_sizes(clusters, n_clusters)
    return {
        "kl_to_uniform": metrics.kl_to_uniform(clusters, n_clusters),
        "occupied_clusters": int((sizes > 0).sum()),
        "cluster_sizes": sizes.tolist(),
    }


def warn_of_empty(
    reporter: Reporter, stage: str, clusters: Mapping[str, Labels], *, n_clusters: int
) -> None:
    """Warns in one line if some clusters are empty.

    Args:
        reporter: told of it.
        stage: what has left them.
        clusters: int32 [N] in -1..n_clusters-1 by split; -1 is missing.
        n_clusters: wanted.
    """
    sizes = {split: metrics.cluster_sizes(own, n_clusters) for split, own in clusters.items()}
    notes = [f"{empty_note(own)} in {split}" for split, own in sizes.items() if not own.all()]
    if notes:
        reporter.warn(f"{stage}: {', '.join(notes)}")


def warn_of_small(reporter: Reporter, clusters: Labels, *, least: int, n_clusters: int) -> None:
    """Warns in one line if clusters with images are smaller than asked for.

    Args:
        reporter: told of it.
        clusters: int32 [N] in -1..n_clusters-1; -1 is missing.
        least: images of a cluster that were asked for; 0 asks for none.
        n_clusters: wanted.
    """
    sizes = metrics.cluster_sizes(clusters, n_clusters)
    held = sizes[sizes > 0]
    n_small = int((held < least).sum())
    if n_small:
        reporter.warn(
            f"{n_small} of {count(len(held), 'cluster')} with fewer than the {least} images asked "
            f"for, the smallest with {held.min()}: pass a smaller --min-size "
            "(merge.min_cluster_size)"
        )
