"""Few round clusters, which k-means finds better than heads that learn from few images.

Shapes: N images, D features, C clusters.
"""

from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from ucls.ensemble.alignment import align
from ucls.merging.links import Edges, count_links, nearest_edges
from ucls.metrics.baselines import kmeans
from ucls.metrics.lloyd import assign, lloyd
from ucls.progress import Reporter
from ucls.settings.config import Config, MergeConfig, required
from ucls.types import Labels, NeighborGraph

MOST_IMAGES = 10_000
"""Of more, heads learn enough."""
MOST_MOVED = 0.1
"""Share of the images that may change their cluster: of round clusters they are few."""
MOST_LINKS_CUT = 1.2
"""Times as many links between neighbours as before. On nine sets of digits, garments, objects and
made-up classes that k-means gets wrong it cuts 1.6 to 18 times as many; on CIFAR-10 as many as
before, but moves a third of the images."""


def may_be_round(labels: Labels, *, n_clusters: int, config: MergeConfig) -> bool:
    """Whether it is worth a look: of few images, with nothing asked for that k-means ignores.

    Args:
        labels: int32 [N]; -1 is missing.
        n_clusters: C.
        config: of merging.
    """
    is_free = config.known is None and not config.min_cluster_size
    held = np.bincount(labels + 1, minlength=n_clusters + 1)
    return is_free and len(labels) <= MOST_IMAGES and not held[0] and bool(held[1:].all())


def round_clusters(
    labels: Labels,
    features: npt.NDArray[np.floating],
    graph: NeighborGraph,
    *,
    n_clusters: int,
    config: Config,
    reporter: Reporter,
) -> Labels:
    """Moves images by k-means, from clusters that are round already; told in one line.

    Of round clusters the inertia is what tells good ones: further starts, as many as the
    k-means of ``evaluate`` has, may have a lower one.

    Args:
        labels: int32 [N], none missing, no cluster empty.
        features: prepared, [N, D].
        graph: neighbours of the images.
        n_clusters: C.
        config: of the whole run, all fields set.
        reporter: shown what happens.

    Returns:
        int32 [N]; the labels as they are where many images would move, or neighbours be parted.
    """
    rows = torch.from_numpy(features.astype(np.float32))
    members = [torch.from_numpy(np.flatnonzero(labels == c)) for c in range(n_clusters)]
    centres = torch.stack([rows[own].mean(dim=0) for own in members])
    found = assign(rows, lloyd(rows, centres)[0])[0].numpy().astype(np.int32)
    are_round = partial(
        _are_round, before=labels, edges=nearest_edges(graph), n_clusters=n_clusters
    )
    if np.array_equal(found, labels) or not are_round(found):
        return labels
    restarts = required(config.evaluate.kmeans_restarts)
    anew = kmeans({"train": features}, n_clusters=n_clusters, restarts=restarts, seed=config.seed)
    others = filter(are_round, align(anew["train"][None], labels, n_clusters))
    found = min([found, *others], key=partial(_inertia, rows))
    moved = float((found != labels).mean())
    reporter.say(f"self-train: the clusters are round: k-means moves {moved:.1%} of the images")
    return found


def _are_round(found: Labels, *, before: Labels, edges: Edges, n_clusters: int) -> bool:
    """Whether few images have moved, all clusters are there, and neighbours stay together."""
    if (found != before).mean() > MOST_MOVED or len(np.unique(found)) < n_clusters:
        return False
    mapping = np.arange(n_clusters, dtype=np.int32)
    was, cut = (count_links(one, n_clusters, edges).cut_share(mapping) for one in (before, found))
    return cut <= MOST_LINKS_CUT * was


def _inertia(rows: torch.Tensor, labels: Labels) -> float:
    """The squared distances of rows [N, D] to the means of their clusters, summed."""
    own = [rows[torch.from_numpy(labels == c)].double() for c in np.unique(labels)]
    return float(sum(((cluster - cluster.mean(dim=0)) ** 2).sum() for cluster in own))
