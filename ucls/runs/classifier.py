"""The run's classifier on disk: ``classifier.safetensors``, beside the heads it may need."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.cache import RunFolder, read_assignments, read_tensors, write_tensors
from ucls.cache import run_files as files
from ucls.ensemble.head_votes import HeadVotes
from ucls.errors import UclsError
from ucls.heads.trained import HeadLogits, TrainedHeads
from ucls.runs.run import Run
from ucls.training.linear import Candidate, LinearClassifier
from ucls.types import Labels


class Labelled(NamedTuple):
    """What is said of N images."""

    clusters: Labels
    """The classifier's, int32 [N]."""
    confidence: npt.NDArray[np.float32]
    """Share of the consensus's heads that put the image into that cluster, [N]."""
    probability: npt.NDArray[np.float32]
    """What the classifier itself gives that cluster, [N]."""


@dataclass(frozen=True)
class Classifier:
    """From cached features to clusters, and the heads of the consensus it was trained on.

    Attributes:
        feature_set: which cached tokens it takes.
        linear: its last step.
        heads: what lies between the features and ``linear``, namely the voters; None for nothing.
        voters: numbers of the heads of the consensus.
        votes: of these heads.
    """

    feature_set: str
    linear: LinearClassifier
    heads: TrainedHeads | None
    voters: tuple[int, ...]
    votes: HeadVotes

    def predict(self, features: npt.NDArray[np.floating]) -> tuple[Labels, npt.NDArray[np.float32]]:
        """Labels features [N, D]: clusters int32 [N] and their probability [N]."""
        return self.linear.predict(HeadLogits(self.heads, features) if self.heads else features)

    def judge(
        self, clusters: Labels, probability: npt.NDArray[np.float32], by_head: Labels
    ) -> Labelled:
        """How sure predicted clusters [N] are, with what the voters say, int32 [H, N].

        Where no voter counts, since all have collapsed, no cluster is more probable than another.
        """
        if not self.votes.votes.any():
            probability = np.full_like(probability, 1.0 / len(self.linear.bias))
        return Labelled(clusters, self.votes.confidence(by_head, clusters), probability)


def label_split(run: Run, split: str) -> Labelled:
    """Labels a run's own images, whose heads have spoken already in ``assignments.h5``."""
    classifier = load_classifier(run.folder)
    with run.features(split) as cache:
        predicted = classifier.predict(cache.read(classifier.feature_set))
    assignments = read_assignments(run.folder.file(files.ASSIGNMENTS))
    return classifier.judge(*predicted, assignments.labels[split][list(classifier.voters)])


def write_classifier(
    folder: RunFolder,
    classifier: LinearClassifier,
    *,
    candidate: Candidate,
    feature_set: str,
    takes_logits: bool,
    voters: Sequence[int],
    votes: HeadVotes,
) -> None:
    """Writes a classifier.

    Args:
        folder: of the run.
        classifier: the weights.
        candidate: what sets it apart from the others.
        feature_set: the cached tokens that it, or the heads before it, take.
        takes_logits: whether it takes the logits of the voters instead of the tokens.
        voters: numbers of the heads of the consensus.
        votes: of these heads.
    """
    metadata = {
        "feature_set": feature_set,
        "heads": json.dumps(list(voters) if takes_logits else None),
        "learning_rate": repr(candidate.learning_rate),
        "scale": repr(classifier.scale),
        "voters": json.dumps(list(voters)),
    }
    tensors: dict[str, npt.NDArray[Any]] = {
        "weight": classifier.weight,
        "bias": classifier.bias,
        "names": votes.names,
        "votes": votes.votes,
    }
    write_tensors(folder.file(files.CLASSIFIER), tensors, metadata)


def load_classifier(folder: RunFolder) -> Classifier:
    """Reads a run's classifier.

    Raises:
        UclsError: if there is none, or one without the votes of the heads.
    """
    path = folder.file(files.CLASSIFIER)
    if not path.is_file():
        raise UclsError(f"{folder.path} has no classifier yet; run: ucls self-train {folder.path}")
    tensors, metadata = read_tensors(path)
    if "votes" not in tensors:
        raise UclsError(
            f"{path} is of an older version, which did not keep the votes of the heads; "
            f"run: ucls self-train {folder.path} --overwrite"
        )
    heads = json.loads(metadata["heads"])
    return Classifier(
        feature_set=metadata["feature_set"],
        linear=LinearClassifier(tensors["weight"], tensors["bias"], float(metadata["scale"])),
        heads=None if heads is None else load_heads(folder, heads),
        voters=tuple(json.loads(metadata["voters"])),
        votes=HeadVotes(tensors["names"], tensors["votes"]),
    )


def load_heads(folder: RunFolder, heads: Sequence[int]) -> TrainedHeads:
    """Reads some of a run's trained heads."""
    tensors, metadata = read_tensors(folder.file(files.HEADS))
    return TrainedHeads(tensors, metadata, heads=heads)
