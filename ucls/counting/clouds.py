"""How much of the gaps between the modes of features is beyond those of clouds without groups.

Shapes: N images, D features.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ucls.counting.micro_clusters import nearest_neighbors
from ucls.counting.modes import gaps_after
from ucls.merging.links import Edges, both_ways
from ucls.preparation.prepared import unit_length
from ucls.progress import Advance, ignore_progress

CLOUDS = 4
"""That are drawn; their modes are averaged, as two that are nearly alike have any gap in one."""
MOST_COMPARED = 64
"""Clusters up to which gaps are compared: more modes take long, and those of clouds are even."""


class BeyondClouds(NamedTuple):
    """Features beside clouds of the same covariance."""

    gaps: npt.NDArray[np.float64]
    """Of the features less those of the clouds, as :func:`ucls.counting.modes.gaps_after`."""
    of_clouds: npt.NDArray[np.float64]
    """The gaps of the clouds."""
    pace: float
    """Steps over a cloud that leave as little of its second mode as one step over the features
    leaves of theirs, 0..1 where they are slower; near 0 there are groups."""


def beyond_clouds(
    features: npt.NDArray[np.floating],
    edges: Edges,
    *,
    seed: int,
    device: torch.device,
    advance: Advance = ignore_progress,
) -> BeyondClouds:
    """Compares the modes of a walk over a neighbour graph with those of clouds.

    Directions of large variance have slow modes of their own without any groups. So the gaps of
    normal features of the same mean and covariance are taken off, as the gap statistic (Tibshirani,
    Walther & Hastie, 2001) and the parallel analysis of factors (Horn, 1965) do with theirs. These
    walks go from image to image, whatever the micro-clusters.

    Args:
        features: float [N, D].
        edges: of the neighbour graph of their directions.
        seed: of the clouds.
        device: where distances are computed.
        advance: told of each of :data:`CLOUDS`.
    """
    modes = graph_modes(edges, len(features))
    of_clouds = []
    for cloud in draw_clouds(features, seed=seed):
        directions = unit_length(torch.from_numpy(cloud).to(device)).cpu().numpy()
        graph = nearest_neighbors(directions, device=str(device))
        of_clouds.append(graph_modes(graph, len(features)))
        advance(1)
    mean = np.mean(of_clouds, axis=0)
    second, second_of_clouds = np.log(np.clip([modes[1], mean[1]], 1e-9, 1.0 - 1e-9))
    return BeyondClouds(
        gaps_after(modes - mean), gaps_after(mean), float(second / second_of_clouds)
    )


def draw_clouds(
    features: npt.NDArray[np.floating], *, seed: int
) -> Iterator[npt.NDArray[np.float32]]:
    """As many normal features of the same mean and covariance, float32 [N, D], several times."""
    mean = features.mean(axis=0, dtype=np.float64)
    root = np.linalg.qr(features - mean, mode="r") / len(features) ** 0.5
    for cloud in range(CLOUDS):
        rng = np.random.default_rng(CLOUDS * seed + cloud)
        drawn = rng.normal(size=(len(features), len(root)))
        yield np.asarray(drawn @ root + mean, dtype=np.float32)


def graph_modes(edges: Edges, n_images: int) -> npt.NDArray[np.float64]:
    """What a step from image to image leaves of each slow mode, falling from 1.

    Args:
        edges: of the neighbour graph; a walk goes both ways.
        n_images: N.

    Returns:
        float64 [min(65, N - 2)].
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import eigsh

    links = both_ways(edges, n_images)
    scale = diags_array(links.sum(axis=1) ** -0.5)
    start = np.random.default_rng(0).normal(size=n_images)
    n_modes = min(MOST_COMPARED + 1, n_images - 2)
    values = eigsh(
        scale @ links @ scale, k=n_modes, which="LA", v0=start, return_eigenvectors=False
    )
    return np.asarray(np.sort(values)[::-1])
