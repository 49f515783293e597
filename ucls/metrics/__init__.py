"""What is measured of clusters, with labels and without."""

from ucls.metrics.scores import clustering_accuracy, clustering_metrics

__all__ = ["clustering_accuracy", "clustering_metrics"]
