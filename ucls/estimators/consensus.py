"""A consensus of any clusterers, for scikit-learn."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import validate_data

from ucls.ensemble import consensus
from ucls.ensemble.label_matrix import check_label_matrix
from ucls.ensemble.results import empty_note
from ucls.estimators.arguments import (
    FLOATS,
    RandomState,
    WarningReporter,
    as_seed,
    check_n_clusters,
    value_errors,
)
from ucls.estimators.bases import fit_base
from ucls.types import IntArray

N_KMEANS = 10


class ConsensusClustering(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Combines the labels of several clusterers into one clustering.

    :meth:`fit` fits copies of clusterers, each with a random state of its own; :meth:`fit_labels`
    takes labels that are there already.

    Args:
        n_clusters: clusters of the consensus, from 1 to the number of samples; must be given.
        estimators: clusterers, with any numbers of clusters; None for ten times k-means with as
            many as wanted.
        method: ``mcla``, ``vote``, ``hbgf``, ``nmf``, ``cspa``, ``hgpa`` or ``all``; see
            :func:`ucls.ensemble.consensus`.
        weights: how much each clusterer counts: ``equal``, ``agreement``, or a positive number for
            each.
        options: further options of the method, by name.
        random_state: seed of all draws, 0 to 2^31 - 1; None or a ``RandomState`` draws one.

    Attributes:
        labels_: cluster of each sample, int32 [n_samples]; -1 where all clusterers see noise.
        confidence_: share of the clusterers that agree with the label, float32 [n_samples].
        anmi_: mean normalised mutual information of the consensus with the clusterers, 0..1.
        label_matrix_: what each clusterer says, int [n_clusterers, n_samples]; -1 is noise.
        estimators_: the clusterers that were fitted; empty after :meth:`fit_labels`.
        n_features_in_: columns of ``X``.
        feature_names_in_: their names, where ``X`` had any.

    Example:
        >>> from sklearn.cluster import AgglomerativeClustering, KMeans
        >>> from sklearn.datasets import make_blobs
        >>> from ucls import ConsensusClustering
        >>> X, _ = make_blobs(60, centers=3, random_state=0)
        >>> bases = [KMeans(3), KMeans(5), AgglomerativeClustering(4)]
        >>> ConsensusClustering(n_clusters=3, estimators=bases).fit_predict(X).shape
        (60,)
        >>> labels = [[0, 0, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 0]]
        >>> ConsensusClustering(n_clusters=2).fit_labels(labels).labels_
        array([1, 1, 0, 0, 0], dtype=int32)
    """

    def __init__(
        self,
        n_clusters: int | None = None,
        *,
        estimators: Sequence[Any] | None = None,
        method: str = "mcla",
        weights: str | npt.ArrayLike = "equal",
        options: Mapping[str, Any] | None = None,
        random_state: RandomState = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.estimators = estimators
        self.method = method
        self.weights = weights
        self.options = options
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: None = None, **params: Any) -> Self:  # noqa: N803
        """Fits the clusterers, and makes a consensus of what they say.

        Args:
            X: numbers [n_samples, n_features], dense, at least two rows.
            y: not used.
            **params: what the clusterers request, with metadata routing.

        Raises:
            ValueError: if the samples or a parameter cannot be used.
            UclsError: if the package of a method is missing.
        """
        routed = process_routing(self, "fit", **params)
        samples = validate_data(self, X, dtype=FLOATS, ensure_min_samples=2)
        n_clusters = check_n_clusters(self.n_clusters, len(samples))
        seed, bases = as_seed(self.random_state), self._bases(n_clusters)
        seeds = np.random.SeedSequence(seed).generate_state(len(bases)) % 2**31
        found = [
            fit_base(base, samples, seed=int(own), given=routed[name].fit_predict)
            for (name, base), own in zip(bases.items(), seeds, strict=True)
        ]
        matrix = np.stack([one.labels for one in found])
        self._combine([one.clusterer for one in found], matrix, n_clusters=n_clusters, seed=seed)
        return self

    def fit_labels(self, labels: npt.ArrayLike) -> Self:
        """Makes a consensus of labels that are there already.

        Args:
            labels: integers [n_clusterers, n_samples]; -1 is missing.

        Raises:
            ValueError: if the labels or a parameter cannot be used.
            UclsError: if the package of a method is missing.
        """
        with value_errors():
            matrix = check_label_matrix(labels)
        n_clusters = check_n_clusters(self.n_clusters, matrix.shape[1])
        self._combine([], matrix, n_clusters=n_clusters, seed=as_seed(self.random_state))
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """How what :meth:`fit` is given goes to the clusterers."""
        mapping = MethodMapping().add(caller="fit", callee="fit_predict")
        return MetadataRouter(owner=self).add(**self._bases(2), method_mapping=mapping)

    def _bases(self, n_clusters: int) -> dict[str, Any]:
        """The clusterers, by the names under which metadata is routed to them."""
        bases = self.estimators
        if bases is None:
            bases = [KMeans(n_clusters, n_init=1)] * N_KMEANS
        if not isinstance(bases, Iterable):
            raise ValueError(
                f"estimators must be a list of clusterers, got {bases!r}: give such as "
                "[KMeans(3), KMeans(5)], or None"
            )
        bases = list(bases)
        if not bases:
            raise ValueError("estimators is empty: give at least one clusterer, or None")
        return {f"estimator_{place}": base for place, base in enumerate(bases)}

    def _combine(
        self, clusterers: list[Any], matrix: IntArray, *, n_clusters: int, seed: int
    ) -> None:
        self.estimators_, self.label_matrix_ = clusterers, matrix
        if n_clusters == 1:
            self.labels_ = np.where((matrix >= 0).any(axis=0), 0, -1).astype(np.int32)
            self.confidence_ = (self.labels_ == 0).astype(np.float32)
            self.anmi_ = 1.0
            return
        with value_errors():
            found = consensus(
                matrix,
                n_clusters,
                method=self.method,
                seed=seed,
                weights=self.weights,
                **(self.options or {}),
            )
        self.labels_, self.confidence_, self.anmi_ = found.labels, found.confidence, found.anmi
        if found.occupied_clusters < n_clusters:
            WarningReporter().warn(empty_note(found.cluster_sizes))
