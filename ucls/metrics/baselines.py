"""What the clusters are measured against: k-means below, supervised bounds above."""

import warnings
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch

from ucls.metrics.knn import knn_votes
from ucls.metrics.lloyd import assign, lloyd
from ucls.metrics.probe import Labelled, sgd_classifiers
from ucls.preparation.columns import CHUNK, ColumnStatistics
from ucls.progress import Advance, ignore_progress
from ucls.settings.config import SelfTrainConfig
from ucls.tables import AnyFeatures, RowTable
from ucls.types import Labels

LONG_KMEANS = 10**11
"""Images times features times clusters."""
SAMPLE_PER_CLUSTER = 256
"""As in FAISS; more hardly move the centres."""
FROM_DISK = 2**16
"""Images that k-means is fitted to at least, where they are read from disk."""
SEEDING = 4096
"""Images among which the first centres are found, in float64; or 64 per cluster, if more."""

Features = npt.NDArray[np.float32]


def kmeans(
    features: Mapping[str, AnyFeatures],
    *,
    n_clusters: int,
    restarts: int,
    seed: int = 0,
    device: torch.device | None = None,
    copy: bool = True,
    advance: Advance = ignore_progress,
) -> dict[str, Labels]:
    """K-means fitted to ``features["train"]`` [N, D]; labels every split with its centres.

    The best of ``restarts`` by inertia, seeded ``seed``, ``seed + 1``, ...; ``advance`` is told
    of each. Where a whole fit would take hours, it is to a random sample of 256 images per cluster;
    of a table to such a sample too, of 65,536 images at least. The first centres are found by
    k-means++ in a smaller one: in all images it takes longer than what follows. On a CPU
    (``device`` None) by scikit-learn, on a GPU by :mod:`ucls.metrics.lloyd`. Without ``copy`` the
    features may be standardised in place.
    """
    from sklearn.cluster import kmeans_plusplus

    device = device or torch.device("cpu")
    train, n_kept = features["train"], SAMPLE_PER_CLUSTER * n_clusters
    if isinstance(train, RowTable):
        train = _sample(train, max(n_kept, FROM_DISK), seed)
    elif len(train) > n_kept and train.size * n_clusters > LONG_KMEANS:
        train = _sample(train, n_kept, seed)
    sample = torch.from_numpy(np.require(train, requirements="W"))
    statistics = ColumnStatistics.of(chunk.to(device) for chunk in torch.split(sample, CHUNK))
    # Float32 holds the squares of standardised features, on which k-means rests.
    fitted_to = statistics.standardize(sample, copy=copy)
    fit = _fit if device.type == "cpu" else lloyd
    models = []
    for state in range(seed, seed + restarts):
        rows = _sampled_rows(len(fitted_to), max(SEEDING, 64 * n_clusters), state)
        seeding = fitted_to[torch.from_numpy(rows).to(device)].double().cpu()
        first, _ = kmeans_plusplus(seeding.numpy(), n_clusters, random_state=state)
        models.append(fit(fitted_to, torch.from_numpy(first).to(fitted_to)))
        advance(1)
    centres, _ = min(models, key=lambda model: model[1])
    chunks = {
        split: torch.split(fitted_to, CHUNK) if x is train else _standardized(x, statistics)
        for split, x in features.items()
    }
    return {split: _assigned(parts, centres) for split, parts in chunks.items()}


def _fit(features: torch.Tensor, first: torch.Tensor) -> tuple[torch.Tensor, float]:
    """What :func:`lloyd` does, by scikit-learn, which moves a centre without images elsewhere."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    # Moved to mean 0 and back in place, they change by roundings, which standardised ones bear.
    model = KMeans(len(first), init=first.numpy(), n_init=1, copy_x=False)
    with warnings.catch_warnings():
        # Fewer distinct images than clusters: the run has said so.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features.numpy())
    return torch.from_numpy(model.cluster_centers_), float(model.inertia_)


def _assigned(chunks: Iterable[torch.Tensor], centres: torch.Tensor) -> Labels:
    return torch.cat([assign(chunk, centres)[0] for chunk in chunks]).int().cpu().numpy()


def _standardized(features: AnyFeatures, statistics: ColumnStatistics) -> Iterator[torch.Tensor]:
    for start in range(0, len(features), CHUNK):
        chunk = np.require(features[start : start + CHUNK], requirements="W")
        yield statistics.standardize(torch.from_numpy(chunk))


def _sample(features: AnyFeatures, n_kept: int, seed: int) -> Features:
    """A copy of so many random rows, or of all if there are no more."""
    return features[_sampled_rows(len(features), n_kept, seed)]


def _sampled_rows(n_images: int, n_kept: int, seed: int) -> npt.NDArray[np.int64]:
    if n_images <= n_kept:
        return np.arange(n_images)
    return np.random.default_rng(seed).choice(n_images, n_kept, replace=False)


def knn_accuracy(
    train: Features, train_labels: Labels, val: Features, val_labels: Labels, *, k: int
) -> float:
    """Accuracy on ``val`` of a majority vote among the k most similar training images."""
    majority = knn_votes(train, train_labels, val, ks=(k,))[k].majority
    return float((majority == val_labels).mean())


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
    classifiers, picked = sgd_classifiers(
        Labelled(train, train_labels),
        config,
        n_classes=int(train_labels.max()) + 1,
        seed=seed,
        device=device,
        advance=advance,
    )
    predicted, _ = classifiers[picked].predict(val)
    return float((predicted == val_labels).mean())
