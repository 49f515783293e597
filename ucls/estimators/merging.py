"""Clusters of any clusterer, merged by the links of the neighbour graph, for scikit-learn."""

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ucls.errors import UsageError
from ucls.estimators.arguments import (
    FLOATS,
    RandomState,
    WarningReporter,
    as_features,
    as_seed,
    check_n_clusters,
    value_errors,
)
from ucls.estimators.bases import fit_base, renumbered
from ucls.settings.config import Config
from ucls.types import Labels, Linkage, MergedHead, NeighborGraph, renumber

OVER_CLUSTERING = 10
"""Times the clusters wanted, that k-means finds: with 3 its clusters still lie across the gap of
two half moons, with 5 across that of two circles."""
SAMPLES_PER_CLUSTER = 5
"""That k-means finds on average, at least."""


def _can_predict(merging: "MergeClustering") -> bool:
    base = getattr(merging, "estimator_", merging.estimator)
    return base is None or hasattr(base, "predict")


class MergeClustering(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Merges more clusters than wanted, by how often neighbours lie in different ones.

    K-means and its kin cut large or long clusters into several; those are linked by many
    neighbours, whatever their sizes.

    Args:
        n_clusters: number of clusters, from 1 to the number of samples; must be given.
        estimator: a clusterer that finds more clusters than wanted, of which a copy is fitted; None
            for k-means with ten times as many, or as many as leave five samples to each.
        n_neighbors: nearest neighbours of each sample that link clusters; None fits it to the data.
        linkage: ``average``, ``diffusion``, ``spectral``, or ``auto``; see
            :func:`ucls.merging.merge_heads`. The last three are made for several heads; of a single
            clusterer the group average of the links tells more.
        random_state: seed of the clusterer, 0 to 2^31 - 1; None or a ``RandomState`` draws one.

    Attributes:
        labels_: cluster of each sample, int32 [n_samples]; -1 where the clusterer sees noise.
        n_clusters_: number of clusters that were found, fewer only if the clusterer found fewer.
        merge_tree_: how its clusters were merged, in SciPy's format, float64 [M - 1, 4].
        leaves_: the leaf of that tree, a cluster of the clusterer, that each sample lies in, int32
            [n_samples].
        estimator_: the clusterer that was fitted.
        n_features_in_: columns of ``X``.
        feature_names_in_: their names, where ``X`` had any.

    Example:
        >>> from sklearn.datasets import make_moons
        >>> from sklearn.metrics import adjusted_rand_score
        >>> from ucls import MergeClustering
        >>> X, y = make_moons(300, noise=0.05, random_state=0)
        >>> labels = MergeClustering(n_clusters=2).fit_predict(X)
        >>> adjusted_rand_score(y, labels) > 0.9
        True
    """

    def __init__(
        self,
        n_clusters: int | None = None,
        *,
        estimator: Any = None,
        n_neighbors: int | None = None,
        linkage: Linkage | Literal["auto"] = "average",
        random_state: RandomState = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.linkage = linkage
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: None = None, **params: Any) -> Self:  # noqa: N803
        """Clusters samples, and merges the clusters.

        Args:
            X: numbers [n_samples, n_features], dense, at least two rows.
            y: not used.
            **params: what the clusterer requests, with metadata routing.

        Raises:
            ValueError: if the samples or a parameter cannot be used.
        """
        routed = process_routing(self, "fit", **params)
        samples = validate_data(self, X, dtype=FLOATS, ensure_min_samples=2)
        n_clusters = check_n_clusters(self.n_clusters, len(samples))
        seed = as_seed(self.random_state)
        room = max(n_clusters, len(samples) // SAMPLES_PER_CLUSTER)
        base = self._base(min(OVER_CLUSTERING * n_clusters, room))
        found = fit_base(base, samples, seed=seed, given=routed.estimator.fit_predict)
        with value_errors():
            # One cluster is what is left of a tree that was made for two.
            graph = self._graph(as_features(samples), max(2, n_clusters), seed)
            head = self._merge(found.labels, len(found.numbers), graph=graph, n_clusters=n_clusters)
        self._numbers, self._merged = found.numbers, head.cut(n_clusters)
        self.estimator_, self.merge_tree_ = found.clusterer, head.tree
        self.labels_ = renumber(found.labels, self._merged)
        self.leaves_ = renumber(found.labels, head.leaf_of)
        self.n_clusters_ = int(self._merged.max()) + 1
        if self.n_clusters_ < n_clusters:
            WarningReporter().warn(
                f"the clusterer found {self.n_clusters_} clusters, fewer than "
                f"n_clusters={n_clusters}: let it find more"
            )
        return self

    @available_if(_can_predict)  # type: ignore[untyped-decorator]
    def predict(self, X: npt.ArrayLike) -> Labels:  # noqa: N803
        """The cluster of each sample, [n_samples, n_features] to int32 [n_samples].

        It is that of the clusterer's own cluster; there is none where the clusterer cannot predict.

        Raises:
            NotFittedError: before :meth:`fit`.
            ValueError: if the samples are not like those that it was fitted to.
        """
        check_is_fitted(self)
        samples = validate_data(self, X, dtype=FLOATS, reset=False)
        return renumber(renumbered(self.estimator_.predict(samples), self._numbers), self._merged)

    def get_metadata_routing(self) -> MetadataRouter:
        """How what :meth:`fit` is given goes to the clusterer."""
        mapping = MethodMapping().add(caller="fit", callee="fit_predict")
        return MetadataRouter(owner=self).add(estimator=self._base(2), method_mapping=mapping)

    def _base(self, n_clusters: int) -> Any:
        return KMeans(n_clusters, n_init=1) if self.estimator is None else self.estimator

    def _graph(
        self, features: npt.NDArray[np.float32], n_clusters: int, seed: int
    ) -> NeighborGraph:
        from ucls.clustering.fitting import fit_settings
        from ucls.clustering.graph import find_neighborhood

        asked = {
            "n_clusters": n_clusters,
            "neighbors.k": self.n_neighbors,
            "neighbors.widen": self.n_neighbors is None,
            "seed": seed,
        }
        config = fit_settings(Config().with_values(asked), features)
        return find_neighborhood(features, config, reporter=WarningReporter()).graph

    def _merge(
        self, labels: Labels, n_found: int, *, graph: NeighborGraph, n_clusters: int
    ) -> MergedHead:
        from ucls.merging import merge_heads

        if not n_found:
            raise UsageError("the clusterer found nothing but noise: let it find clusters")
        merged = merge_heads(
            labels[None],
            graph,
            max(2, n_clusters),
            head_clusters=[n_found],
            linkage=self.linkage,
        )
        return merged.heads[0]
