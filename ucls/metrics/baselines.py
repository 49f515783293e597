"""What the clusters are measured against: k-means below, supervised bounds above."""

import warnings

import numpy as np
import numpy.typing as npt
import torch

from ucls.neighbors.search import unit_vectors
from ucls.progress import Advance, ignore_progress
from ucls.settings.config import SelfTrainConfig
from ucls.training.linear import self_train
from ucls.training.scale import CHUNK, ColumnStatistics
from ucls.types import Labels

LONG_KMEANS = 10**11
"""Images times features times clusters."""
SAMPLE_PER_CLUSTER = 256
"""As in FAISS; more hardly move the centres."""
SEEDING = 4096
"""Images among which the first centres are found, in float64; or 64 per cluster, if more."""

Features = npt.NDArray[np.float32]


def kmeans(
    features: dict[str, Features],
    *,
    n_clusters: int,
    restarts: int,
    seed: int = 0,
    advance: Advance = ignore_progress,
) -> dict[str, Labels]:
    """K-means fitted to ``features["train"]`` [N, D]; labels every split with its centres.

    The best of ``restarts`` by inertia, seeded ``seed``, ``seed + 1``, ...; ``advance`` is told
    of each. Where a whole fit would take hours, it is to a random sample of 256 images per cluster.
    The first centres are found by k-means++ in a smaller one: in all images it takes longer than
    what follows.
    """
    from sklearn.cluster import KMeans, kmeans_plusplus
    from sklearn.exceptions import ConvergenceWarning

    tensors = {
        split: torch.from_numpy(np.require(x, requirements="W")) for split, x in features.items()
    }
    sample = tensors["train"]
    if sample.numel() * n_clusters > LONG_KMEANS:
        sample = _sample(sample, SAMPLE_PER_CLUSTER * n_clusters, seed)
    statistics = ColumnStatistics.of(torch.split(sample, CHUNK))
    # Float32 holds the squares of standardised features, on which k-means rests.
    fitted_to = statistics.standardize(sample)
    models = []
    for state in range(seed, seed + restarts):
        seeding = _sample(fitted_to, max(SEEDING, 64 * n_clusters), state).double()
        first, _ = kmeans_plusplus(seeding.numpy(), n_clusters, random_state=state)
        model = KMeans(n_clusters, init=first, n_init=1, random_state=state)
        with warnings.catch_warnings():
            # Fewer distinct images than clusters: the run has said so.
            warnings.simplefilter("ignore", ConvergenceWarning)
            models.append(model.fit(fitted_to.numpy()))
        advance(1)
    best = min(models, key=lambda model: model.inertia_)
    return {
        split: best.predict(statistics.standardize(x).numpy()).astype(np.int32)
        for split, x in tensors.items()
    }


def _sample(features: torch.Tensor, n_kept: int, seed: int) -> torch.Tensor:
    """So many random rows, or all if there are no more."""
    if len(features) <= n_kept:
        return features
    rng = np.random.default_rng(seed)
    return features[rng.choice(len(features), n_kept, replace=False).tolist()]


def knn_accuracy(
    train: Features, train_labels: Labels, val: Features, val_labels: Labels, *, k: int
) -> float:
    """Accuracy on ``val`` of a majority vote among the k most similar training images."""
    from sklearn.neighbors import KNeighborsClassifier

    # On the unit sphere, Euclidean neighbours are cosine neighbours.
    model = KNeighborsClassifier(min(k, len(train)), algorithm="brute")
    with warnings.catch_warnings():
        # Few images of many classes are classes still.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        model.fit(unit_vectors(train), train_labels)
    return float((model.predict(unit_vectors(val)) == val_labels).mean())


def linear_probe_accuracy(
    train: Features,
    train_labels: Labels,
    val: Features,
    val_labels: Labels,
    *,
    config: SelfTrainConfig,
    seed: int = 0,
    device: torch.device | None = None,
    advance: Advance = ignore_progress,
) -> float:
    """Accuracy on ``val`` of the linear classifiers of self-training, given the true labels.

    The learning rate is chosen on held-out training rows.
    """
    result = self_train(
        train,
        train_labels,
        {"features": slice(0, train.shape[1])},
        n_clusters=int(train_labels.max()) + 1,
        config=config,
        seed=seed,
        device=device,
        advance=advance,
    )
    predicted, _ = result.classifiers[result.chosen].predict(val)
    return float((predicted == val_labels).mean())
