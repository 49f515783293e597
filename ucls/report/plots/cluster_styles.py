"""A colour and a mark for every cluster of a map, so that neighbours can be told apart."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.report.plots.style import COLORS

MARKERS = ("o", "^", "s", "v", "D", "P", "X")


class ClusterStyle(NamedTuple):
    """How the images of a cluster are drawn."""

    color: str
    marker: str


def cluster_styles(centers: NDArray[np.floating]) -> list[ClusterStyle]:
    """Chooses styles for clusters by where they lie on the map.

    While there are enough colours each cluster has its own, in the order of their numbers. Beyond
    that a colour is used again as far as possible from where it was, with another mark.

    Args:
        centers: of the clusters on the map, [k, 2].
    """
    nearest = np.full((len(COLORS), len(centers)), np.inf)
    uses = [0] * len(COLORS)
    styles = []
    for cluster, center in enumerate(centers):
        # The first of the unused colours, then the one that is farthest.
        color = int(np.argmax(nearest[:, cluster]))
        styles.append(ClusterStyle(COLORS[color], MARKERS[uses[color] % len(MARKERS)]))
        uses[color] += 1
        distance = np.linalg.norm(centers - center, axis=1)
        nearest[color] = np.minimum(nearest[color], distance)
    return styles
