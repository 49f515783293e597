"""How good the clusters of any method are, with labels and without."""

import numpy as np

from ucls.merging.links import Edges
from ucls.metrics import clustering_accuracy
from ucls.metrics.scores import class_averaged_accuracy, nmi
from ucls.types import Labels

Figures = dict[str, float]


def label_figures(labels: Labels, found: Labels) -> Figures:
    """Scores of clusters [N] against classes [N]; noise, -1, is wrong.

    Raises:
        UsageError: if no label is known.
    """
    return {
        "ACC": clustering_accuracy(labels, found),
        "class ACC": class_averaged_accuracy(labels, found),
        "NMI": nmi(labels, found),
    }


def size_figures(found: Labels) -> dict[str, int]:
    """How many clusters [N] hold images, and how many the largest and the smallest of them do."""
    sizes = np.unique(found[found >= 0], return_counts=True)[1]
    return {
        "clusters": len(sizes),
        "largest": int(sizes.max(initial=0)),
        "smallest": int(sizes.min()) if len(sizes) else 0,
    }


def cut_share(found: Labels, edges: Edges) -> float:
    """The share of links between neighbours that clusters [N] cut; those to noise are cut."""
    sources = found[edges.sources]
    return float(np.mean((sources != found[edges.targets]) | (sources < 0)))
