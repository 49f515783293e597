"""How hard simulated features are to cluster, and to classify with labels."""

from dataclasses import replace

from benchmarks.simulated.features import SimulatedFeatures
from ucls.metrics import clustering_accuracy
from ucls.metrics.baselines import kmeans, knn_accuracy

N_TRAIN, N_VAL = 20_000, 5_000
NEIGHBORS_OF_KNN = 20
KMEANS_RESTARTS = 3
RIDGE = 1e-2  # penalty of the linear probe, as a share of the mean variance of a feature


def measure_difficulty(features: SimulatedFeatures, *, seed: int = 0) -> dict[str, float]:
    """ACC of unseen images, or without labels of the first ``N_TRAIN`` themselves, in 0..1."""
    from sklearn.linear_model import RidgeClassifier

    train = features.chunk(slice(0, N_TRAIN))
    labels = features.labels[: len(train)]
    val_set = replace(features, split="val", n_images=max(N_VAL, features.n_classes))
    val, val_labels = val_set.chunk(slice(0, None)), val_set.labels
    probe = RidgeClassifier(alpha=RIDGE * float(train.var(axis=0).mean()) * len(train))
    n_clusters, restarts = features.n_classes, KMEANS_RESTARTS
    clusters = kmeans({"train": train}, n_clusters=n_clusters, restarts=restarts, seed=seed)
    return {
        "linear probe": float(probe.fit(train, labels).score(val, val_labels)),
        "k-NN": knn_accuracy(train, labels, val, val_labels, k=NEIGHBORS_OF_KNN),
        "k-means, training images": clustering_accuracy(labels, clusters["train"]),
    }
