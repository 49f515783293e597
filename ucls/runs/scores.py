"""Figures of clusters: against labels, and on their own."""

from ucls.metrics import scores as metrics
from ucls.types import Figures, Labels


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
