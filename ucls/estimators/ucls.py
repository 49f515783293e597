"""The whole method on an array of features, for scikit-learn."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils import Tags
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
from ucls.estimators.known import Known, check_known, check_room
from ucls.estimators.model import ClusterModel
from ucls.settings.config import Config
from ucls.types import Effort, Labels

if TYPE_CHECKING:
    from ucls.clustering.combining import Leaves
    from ucls.counting import Suggestion

SECTIONS = ("neighbors", "train", "merge", "ensemble", "self_train")
"""Of the settings, that have a part in an estimator."""


class UCLS(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    ClusterMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Clusters features with many small heads, and learns a classifier of their consensus.

    It finds the same labels as ``ucls run features.npz -k n_clusters`` with the same effort and
    seed, but takes rows of zeros as samples, which a run leaves out as empty. Nothing is written.

    Args:
        n_clusters: number of clusters, from 1 to the number of samples; None takes what the
            samples speak for, see :func:`ucls.counting.suggest_n_clusters`, and no fewer than there
            are known labels.
        effort: how much work goes into the heads: ``quick``, ``normal`` or ``thorough``.
        settings: further settings by their dotted names, such as ``{"train.n_heads": 8}``; see
            :mod:`ucls.settings.config`, sections ``neighbors``, ``train``, ``merge``, ``ensemble``
            and ``self_train``.
        device: where to train: ``auto``, ``cpu``, ``cuda`` or ``cuda:i``.
        random_state: seed of all draws, 0 to 2^31 - 1; None or a ``RandomState`` draws one.

    Attributes:
        labels_: cluster of each sample, int32 [n_samples], in 0..n_clusters_-1.
        confidence_: share of the heads that put the sample into that cluster, float32 [n_samples].
        n_clusters_: number of clusters, of which some may be empty.
        known_clusters_: the cluster of each known label, by that label; empty without.
        suggestion_: what spoke for that number and for others; None where it was given.
        anmi_: mean normalised mutual information of the consensus with its heads, 0..1.
        merge_tree_: how the heads' clusters were merged, in SciPy's format, float64 [M - 1, 4]: one
            tree for all heads or, where they were merged one by one, that of the best; None where
            they were not merged.
        leaves_: the leaf of that tree that each sample lies in, int32 [n_samples]; None without.
        settings_: all settings as they were fitted to the data, by section.
        n_features_in_: columns of ``X``.
        feature_names_in_: their names, where ``X`` had any.

    Example:
        >>> from sklearn.datasets import make_blobs
        >>> from ucls import UCLS
        >>> X, _ = make_blobs(90, n_features=8, centers=3, random_state=0)
        >>> clusterer = UCLS(n_clusters=3, effort="quick").fit(X)
        >>> sorted(set(clusterer.labels_.tolist()))
        [0, 1, 2]
        >>> clusterer.predict_proba(X[:2]).shape
        (2, 3)
    """

    def __init__(
        self,
        n_clusters: int | None = None,
        *,
        effort: Effort = "normal",
        settings: Mapping[str, Any] | None = None,
        device: str = "auto",
        random_state: RandomState = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.effort = effort
        self.settings = settings
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,  # noqa: N803
        y: None = None,
        *,
        known_labels: npt.ArrayLike | None = None,
        must_link: npt.ArrayLike | None = None,
        cannot_link: npt.ArrayLike | None = None,
    ) -> Self:
        """Clusters samples, and respects what is known of some, as ``ucls run --known`` does.

        ``labels_`` keep to what is known; :meth:`predict` does so as far as a classifier can.

        Args:
            X: numbers [n_samples, n_features], dense, at least two rows; computed in float32.
            y: not used, so that true labels leak into no clustering.
            known_labels: integers [n_samples], -1 where none is known. Samples of one label end in
                one cluster, those of another in another; not every cluster needs one.
            must_link: rows of ``X`` that belong together, integers [n_pairs, 2].
            cannot_link: rows of ``X`` that belong apart, integers [n_pairs, 2].

        Raises:
            ValueError: if the samples or a parameter cannot be used, or what is known contradicts
                itself.
            UclsError: if the training goes astray, or the heads cannot be combined.
        """
        samples = validate_data(self, X, dtype=FLOATS, ensure_min_samples=2)
        features = as_features(samples)
        known = check_known(known_labels, must_link, cannot_link, n_samples=len(features))
        with value_errors():
            config = self._config()
            self.suggestion_ = None if self.n_clusters is not None else _suggest(features, config)
            n_clusters = self.n_clusters
            if self.suggestion_ is not None:
                n_labels = 0 if known is None else len(known.names)
                n_clusters = max(self.suggestion_.n_clusters, n_labels)
            self.n_clusters_ = check_n_clusters(n_clusters, len(features))
            check_room(known, self.n_clusters_)
            if self.n_clusters_ == 1:
                self._fit_one_cluster(features, config, known)
            else:
                self._fit_clusters(features, config, known)
        return self

    def predict(self, X: npt.ArrayLike) -> Labels:  # noqa: N803
        """The most probable cluster of each sample, [n_samples, n_features] to int32 [n_samples].

        By the classifier. Where that sees but the heads, ``labels_`` are those of the consensus
        that it learned, and it may say otherwise, mostly where clusters overlap.

        Raises:
            NotFittedError: before :meth:`fit`.
            ValueError: if the samples are not like those that it was fitted to.
        """
        features = self._features(X)
        return self._model.predict(features)

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:  # noqa: N803
        """The probability of each cluster, [n_samples, n_features] to ``[n_samples, n_clusters_]``.

        Raises:
            NotFittedError: before :meth:`fit`.
            ValueError: if the samples are not like those that it was fitted to.
        """
        features = self._features(X)
        return self._model.shares(features)

    def transform(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:  # noqa: N803
        """The same as :meth:`predict_proba`: one column for each cluster."""
        return self.predict_proba(X)

    @property
    def _n_features_out(self) -> int:
        """Columns of what it transforms to."""
        return self.n_clusters_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _features(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:  # noqa: N803
        check_is_fitted(self)
        return as_features(validate_data(self, X, dtype=FLOATS, reset=False))

    def _config(self) -> Config:
        """What is asked for, but for the number of clusters."""
        settings = dict(self.settings or {})
        wrong = [name for name in settings if name.split(".")[0] not in SECTIONS]
        if wrong:
            raise UsageError(
                f"settings must be of the sections {', '.join(SECTIONS)}, got {', '.join(wrong)}: "
                "leave them out, or use the parameter of that name"
            )
        own = {"effort": self.effort, "device": self.device, "seed": as_seed(self.random_state)}
        return Config().with_values({**settings, **own})

    def _fit_one_cluster(
        self, features: npt.NDArray[np.float32], config: Config, known: Known | None
    ) -> None:
        """Heads would have nothing to tell apart."""
        from ucls.constraints.respect import unmet_text

        n_samples, n_features = features.shape
        if known is not None and len(known.constraints.apart):
            WarningReporter().warn(unmet_text(len(known.constraints.apart), 1))
        self.settings_ = config.model_dump(mode="json")
        self.labels_ = np.zeros(n_samples, np.int32)
        self.confidence_ = np.ones(n_samples, np.float32)
        self.anmi_ = 1.0
        self.known_clusters_ = dict.fromkeys(known.names if known else (), 0)
        self._keep(None)
        self._model = ClusterModel.of_one_cluster(n_features)

    def _fit_clusters(
        self, features: npt.NDArray[np.float32], config: Config, known: Known | None
    ) -> None:
        from ucls.clustering.fitting import fit_settings
        from ucls.clustering.in_memory import cluster

        config = config.model_copy(update={"n_clusters": self.n_clusters_})
        fitted = fit_settings(config, features)
        constraints = None if known is None else known.constraints
        found = cluster(features, fitted, known=constraints, reporter=WarningReporter())
        self.settings_ = fitted.model_dump(mode="json")
        self.labels_, self.confidence_, _ = found.labelled
        self.anmi_ = found.consensus.anmi
        self.known_clusters_ = {}
        if known is not None and found.of_labels is not None:
            self.known_clusters_ = known.clusters(found.of_labels)
        self._keep(found.leaves())
        trained = found.trained
        self._model = ClusterModel.of(found.classifier, trained.tensors, trained.metadata)

    def _keep(self, leaves: "Leaves | None") -> None:
        self.merge_tree_ = None if leaves is None else leaves.head.tree
        self.leaves_ = None if leaves is None else leaves.of_images


def _suggest(features: npt.NDArray[np.float32], config: Config) -> "Suggestion":
    """The number of clusters that features [N, D] speak for, prepared as for clustering."""
    from ucls.counting import check_enough, suggest_n_clusters
    from ucls.preparation.fitting import fit_space
    from ucls.preparation.prepared import Preparation

    check_enough(len(features))
    space = fit_space(features, config.neighbors.prepare or "auto").space
    return suggest_n_clusters(Preparation([space]).of_array(features.copy()), seed=config.seed)
