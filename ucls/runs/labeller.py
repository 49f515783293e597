"""A finished run as a function from features to labels."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ucls.runs.classifier import Labelled, load_classifier, load_heads
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

    @property
    def feature_sets(self) -> list[str]:
        """What the heads and the classifier take."""
        return [self._voters_features, self._classifier.feature_set]

    def label(self, features: Mapping[str, NDArray[np.floating]]) -> Labelled:
        """Labels images by their features [B, D'] of each set."""
        classifier = self._classifier
        logits = self._voters.logits(features[self._voters_features])
        inputs = logits if classifier.heads else features[classifier.feature_set]
        return classifier.judge(*classifier.predict_inputs(inputs), self._voters.labels(logits))

    def named(self, cluster: int) -> tuple[str, ...]:
        """The name of a cluster, as the last cell of a row, where the run was corrected."""
        return () if self._classifier.groups is None else (self.name_of(cluster),)

    def name_of(self, cluster: int) -> str:
        """The given name of a cluster; empty where it has none."""
        return self._classifier.name_of(cluster)
