"""What is said of a run's own images."""

import numpy as np

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
    is_known = run.config.merge.known is not None
    if not keeps_taught(run.config, is_known=is_known):
        return None
    tensors, _ = read_tensors(run.folder.file(files.CANDIDATES))
    # Runs of older versions kept the consensus where something was known, and nothing elsewhere.
    before = run.consensuses.chosen().labels["train"] if is_known else None
    return tensors.get("train", before)


def keeps_taught(config: Config, *, is_known: bool) -> bool:
    """Whether training images keep the labels that the classifier was taught.

    They do where it sees no more than the logits of the heads, of which the consensus knew more:
    it has a vote of the neighbour graph. Digits are right in 0.951 so, by the classifier in 0.939.
    They do as well where something is known of images: what was heard around these a linear
    classifier follows less closely.
    """
    return is_known or config.self_train.inputs == "heads"


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
    if taught is None:
        return classifier.judge(*classifier.predict(features), by_head)
    clusters, probability, start = taught.copy(), [], 0
    for shares in classifier.shares(features):
        own = clusters[start : start + len(shares)]
        own[own < 0] = shares.argmax(axis=1)[own < 0]
        probability.append(shares[np.arange(len(own)), own])
        start += len(own)
    return classifier.judge(clusters, np.concatenate(probability), by_head)
