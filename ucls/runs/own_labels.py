"""What is said of a run's own images."""

import numpy as np
import numpy.typing as npt

from ucls.cache import read_assignments, read_tensors
from ucls.cache import run_files as files
from ucls.runs.classifier import Classifier, Labelled, load_classifier
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.tables import AnyFeatures
from ucls.types import Labels


def label_split(run: Run, split: str) -> Labelled:
    """Labels a run's own images, whose heads have spoken already in ``assignments.h5``."""
    classifier = load_classifier(run.folder)
    assignments = read_assignments(run.folder.file(files.ASSIGNMENTS))
    by_head = assignments.labels[split][list(classifier.voters)]
    taught = _taught(run) if split == "train" else None
    with run.features(split) as cache:
        features = cache.table(classifier.feature_set)
        return label_as_taught(classifier, features, taught=taught, by_head=by_head)


def _taught(run: Run) -> Labels | None:
    """What training images keep of the labels that the classifier was taught; None for nothing."""
    if not keeps_taught(run.config):
        return None
    tensors, _ = read_tensors(run.folder.file(files.CANDIDATES))
    return tensors.get("train")


def keeps_taught(config: Config) -> bool:
    """Whether training images keep the labels that the classifier was taught.

    They do where it sees no more than the logits of the heads, of which the consensus knew more:
    it has a vote of the neighbour graph. Digits are right in 0.951 so, by the classifier in 0.939.
    They do as well where something is known of images: what was heard around these a linear
    classifier follows less closely.
    """
    return config.self_train.inputs == "heads" or config.merge.known is not None


def label_as_taught(
    classifier: Classifier, features: AnyFeatures, *, taught: Labels | None, by_head: Labels
) -> Labelled:
    """Labels images as is known already, and the others by the classifier.

    Args:
        classifier: without groups.
        features: that it takes, [N, D].
        taught: the clusters to keep, int32 [N]; -1 is none. None: the classifier labels all.
        by_head: what its voters say, int32 [H, N].
    """
    clusters, probability = classifier.predict(features)
    if taught is not None:
        clusters = np.where(taught >= 0, taught, clusters)
        probability = _probability_of(classifier, features, clusters)
    return classifier.judge(clusters, probability, by_head)


def _probability_of(
    classifier: Classifier, features: AnyFeatures, clusters: Labels
) -> npt.NDArray[np.float32]:
    """What a classifier gives the clusters [N] of features [N, D], float32 [N]."""
    found, start = [], 0
    for shares in classifier.shares(features):
        own = clusters[start : start + len(shares)]
        found.append(shares[np.arange(len(own)), own])
        start += len(own)
    return np.concatenate(found)
