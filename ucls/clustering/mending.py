"""A consensus, mended by the neighbour graph before a classifier learns from it.

Shapes: N images, C clusters.
"""

from collections.abc import Callable

from ucls.merging.division import divide_and_join, fill_empty
from ucls.merging.partitions import MOST_IMAGES
from ucls.progress import Reporter
from ucls.settings.config import MergeConfig
from ucls.types import Labels, NeighborGraph


def mended(
    labels: Labels,
    read_graph: Callable[[], NeighborGraph],
    *,
    n_clusters: int,
    config: MergeConfig,
    has_partitions: bool,
    reporter: Reporter,
) -> Labels:
    """Fills empty clusters and, where classes look unequal, divides clusters that fall apart.

    Nothing changes where it was asked how to merge, as by every preset, where something is known or
    clusters must not be small, or of more than 100,000 images.

    Args:
        labels: of the consensus, int32 [N]; -1 is missing.
        read_graph: gives the neighbour graph, of which the nearest are enough.
        n_clusters: C.
        config: of merging, as it was asked for.
        has_partitions: whether partitions voted; if not, clusters look unequal in size, or the
            graph falls into pieces.
        reporter: told what changes.
    """
    is_free = config.linkage == "auto" and config.known is None and not config.min_cluster_size
    if not is_free or len(labels) > MOST_IMAGES:
        return labels
    graph = read_graph()
    filled = fill_empty(labels, graph, n_clusters=n_clusters, reporter=reporter)
    if has_partitions:
        return filled
    return divide_and_join(filled, graph, n_clusters=n_clusters, reporter=reporter)
