"""The images that stand for a cluster."""

from collections.abc import Iterator

import numpy as np

from ucls.runs.image_labels import ImageLabels


def typical_rows(labels: ImageLabels, cluster: int) -> Iterator[int]:
    """The rows of a cluster, the most typical first.

    Most heads agree on these; among equals the classifier is the surest.
    """
    rows = np.flatnonzero(labels.clusters == cluster)
    order = np.lexsort((-labels.probability[rows], -labels.confidence[rows]))
    yield from rows[order].tolist()


def largest_clusters(labels: ImageLabels, most: int) -> list[int]:
    """The numbers of the largest clusters, at most so many, in the order of their numbers."""
    sizes = labels.sizes()
    return sorted(sorted(sizes, key=lambda cluster: (-sizes[cluster], cluster))[:most])
