"""Clusterers of other libraries, each told the number of clusters.

Where a peer reduces the features first, its seconds hold that too. What it cannot choose by itself
is chosen by the number of clusters that is wanted, never by labels.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import StandardScaler

from ucls.ensemble.available_memory import GIGABYTE, available_memory
from ucls.errors import UclsError
from ucls.types import Labels

Features = npt.NDArray[np.float32]
Peer = Callable[[Features, int, int], Labels]
"""From features [N, D], the number of clusters and a seed to clusters [N]; -1 is noise."""

N_COMPONENTS = 128
N_FEW = 50
"""Of the peers that estimate densities, which need many images for each feature."""
N_NEIGHBORS = 15
SHARES = (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32)
"""Of the mean size of a cluster: what HDBSCAN may take as the least size."""
N_HALVINGS = 20
BYTES_PER_PAIR = 16
"""Ward's linkage holds the distance of every pair of images twice."""


def reduced(features: Features, n_components: int = N_COMPONENTS) -> Features:
    """The principal components, or as many as there are."""
    model = PCA(min(n_components, *features.shape), random_state=0)
    found: Features = model.fit_transform(features)
    return found


def kmeans(features: Features, n_clusters: int, seed: int) -> Labels:
    """The best of ten starts."""
    return _labels(KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(features))


def scaled_kmeans(features: Features, n_clusters: int, seed: int) -> Labels:
    """K-means on columns of mean 0 and deviation 1."""
    return kmeans(StandardScaler().fit_transform(features), n_clusters, seed)


def reduced_kmeans(features: Features, n_clusters: int, seed: int) -> Labels:
    """K-means on the principal components."""
    return kmeans(reduced(features), n_clusters, seed)


def ward(features: Features, n_clusters: int, seed: int) -> Labels:
    """Agglomerative clustering with Ward's linkage.

    Raises:
        UclsError: if the distances of all pairs of images do not fit into memory.
    """
    needed, available = BYTES_PER_PAIR * len(features) ** 2 // 2, available_memory()
    if needed > available:
        raise UclsError(
            f"it needs {needed / GIGABYTE:.1f} GB of memory for the distances of "
            f"{len(features):,} images, and {available / GIGABYTE:.1f} GB are available: take a "
            "larger machine, or fewer images"
        )
    return _labels(AgglomerativeClustering(n_clusters).fit_predict(reduced(features)))


def spectral(features: Features, n_clusters: int, seed: int) -> Labels:
    """Spectral clustering of the graph of nearest neighbours."""
    model = SpectralClustering(
        n_clusters, affinity="nearest_neighbors", assign_labels="cluster_qr", random_state=seed
    )
    return _labels(model.fit_predict(reduced(features)))


def hdbscan(features: Features, n_clusters: int, seed: int) -> Labels:
    """HDBSCAN, with the least size of a cluster that finds about as many as are wanted.

    Among sizes that find equally many the largest is taken.
    """
    few, mean_size = reduced(features, N_FEW), len(features) / n_clusters
    least = sorted({max(5, round(share * mean_size)) for share in SHARES}, reverse=True)
    found = [HDBSCAN(min_cluster_size=size, copy=True).fit_predict(few) for size in least]
    return _nearest(found, n_clusters)


def gaussians(features: Features, n_clusters: int, seed: int) -> Labels:
    """The best of three mixtures of Gaussians with full covariances."""
    few = reduced(features, N_FEW)
    model = GaussianMixture(n_clusters, n_init=3, random_state=seed, reg_covar=1e-3)
    return _labels(model.fit_predict(few / few.std()))


def leiden(features: Features, n_clusters: int, seed: int) -> Labels:
    """Communities of the graph of nearest neighbours, at a resolution that finds so many.

    The resolution is halved in on, in logarithms; where none finds as many, the nearest stays.
    """
    from sknetwork.clustering import Leiden

    graph = kneighbors_graph(reduced(features), min(N_NEIGHBORS, len(features) - 1))
    graph = graph.maximum(graph.T).tocsr()
    low, high, found = 2.0**-10, 2.0**10, []
    for _ in range(N_HALVINGS):
        middle = (low * high) ** 0.5
        model = Leiden(resolution=middle, shuffle_nodes=True, random_state=seed)
        found.append(model.fit_predict(graph))
        missing = n_clusters - count_clusters(found[-1])
        if missing == 0:
            break
        low, high = (middle, high) if missing > 0 else (low, middle)
    return _nearest(found, n_clusters)


HAS_LEIDEN = find_spec("sknetwork") is not None
PEERS: Mapping[str, Peer] = {
    "k-means": kmeans,
    "scaled k-means": scaled_kmeans,
    "PCA + k-means": reduced_kmeans,
    "PCA + Ward": ward,
    "PCA + spectral": spectral,
    "PCA + HDBSCAN": hdbscan,
    **({"PCA + Leiden": leiden} if HAS_LEIDEN else {}),
    "PCA + Gaussians": gaussians,
}
"""By the name of their row; of scikit-learn and, where it is installed, scikit-network, the rest
their defaults."""
SEEDLESS = ("PCA + Ward", "PCA + HDBSCAN")
"""Those that draw nothing: one run tells all."""


def count_clusters(found: npt.NDArray[Any]) -> int:
    """Clusters that hold any image; noise is none."""
    return len(np.unique(found[found >= 0]))


def _nearest(found: list[npt.NDArray[Any]], n_clusters: int) -> Labels:
    return _labels(min(found, key=lambda one: abs(count_clusters(one) - n_clusters)))


def _labels(found: npt.NDArray[Any]) -> Labels:
    return found.astype(np.int32)
