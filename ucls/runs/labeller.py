"""A finished run as a function from features to labels."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ucls.runs.classifier import Labelled, load_classifier, load_heads
from ucls.runs.image_labels import read_labels
from ucls.runs.outliers import Outliers
from ucls.runs.run import Run

COLUMNS = ("path", "cluster", "confidence", "probability")
"""What is told of each new image."""


class Labeller:
    """A run's classifier, and the heads of its consensus, which run once for each image."""

    def __init__(self, run: Run) -> None:
        self._classifier = load_classifier(run.folder, corrected=True)
        self.numbers = self._classifier.numbers
        self.columns = COLUMNS if self._classifier.groups is None else (*COLUMNS, "name")
        self._voters = self._classifier.heads or load_heads(run.folder, self._classifier.voters)
        self._voters_features = run.feature_set
        self._outliers = Outliers.of(run)
        if self._outliers is not None and self._classifier.groups is not None:
            self._outliers = self._outliers.of_clusters(read_labels(run))

    @property
    def feature_sets(self) -> list[str]:
        """What the heads and the classifier take."""
        return [self._voters_features, self._classifier.feature_set]

    def label(self, features: Mapping[str, NDArray[np.floating]]) -> Labelled:
        """Labels images by their features [B, D'] of each set."""
        classifier = self._classifier
        logits = self._voters.logits(features[self._voters_features])
        inputs = logits if classifier.heads else features[classifier.feature_set]
        found = classifier.judge(*classifier.predict_inputs(inputs), self._voters.labels(logits))
        if self._outliers is None:
            return found
        scores = self._outliers.scores(features[self._voters_features], found.clusters)
        clusters = np.where(scores < self._outliers.least, found.clusters, np.int32(-1))
        return found._replace(clusters=clusters)

    def named(self, cluster: int) -> tuple[str, ...]:
        """The name of a cluster, as the last cell of a row, where the run was corrected."""
        return () if self._classifier.groups is None else (self.name_of(cluster),)

    def name_of(self, cluster: int) -> str:
        """The given name of a cluster; empty where it has none."""
        return self._classifier.name_of(cluster)
