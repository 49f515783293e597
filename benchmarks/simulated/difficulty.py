"""How hard simulated features are to cluster, and to classify with labels."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.simulated.features import SimulatedFeatures
from ucls.baselines import kmeans, knn_accuracy
from ucls.metrics import clustering_accuracy

Float32 = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

N_TRAIN, N_VAL = 20_000, 5_000
NEIGHBORS_OF_KNN = 20
KMEANS_RESTARTS = 3
RIDGE = 1e-2
"""Penalty of the linear probe, as a share of the mean variance of a feature."""


class Difficulty(NamedTuple):
    """Accuracies in 0..1; all but k-means see the true labels, and are of unseen images."""

    linear_probe: float
    knn: float
    kmeans: float
    """Of the training images."""


def measure_difficulty(features: SimulatedFeatures, *, seed: int = 0) -> Difficulty:
    """Measures it with at most ``N_TRAIN`` images, and ``N_VAL`` others of the same classes.

    The first training images are taken, their order being random; the seed is that of k-means.
    """
    train = features.chunk(slice(0, N_TRAIN))
    labels = features.labels[: len(train)]
    val_set = replace(features, split="val", n_images=max(N_VAL, features.n_classes))
    val, val_labels = val_set.chunk(slice(0, None)), val_set.labels
    clusters = kmeans(
        {"train": train}, n_clusters=features.n_classes, restarts=KMEANS_RESTARTS, seed=seed
    )
    return Difficulty(
        linear_probe=ridge_accuracy(train, labels, val, val_labels),
        knn=knn_accuracy(train, labels, val, val_labels, k=NEIGHBORS_OF_KNN),
        kmeans=clustering_accuracy(labels, clusters["train"]),
    )


def ridge_accuracy(train: Float32, labels: Labels, val: Float32, val_labels: Labels) -> float:
    """Accuracy on ``val`` of a ridge regression onto the classes, which has a closed form.

    Features are [N, D], labels classes [N].
    """
    from sklearn.linear_model import RidgeClassifier

    penalty = RIDGE * float(train.var(axis=0).mean()) * len(train)
    classifier = RidgeClassifier(alpha=penalty).fit(train, labels)
    return float(classifier.score(val, val_labels))
