"""The run's classifier on disk: ``classifier.safetensors``, beside the heads it may need."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ucls.cache import RunFolder, read_tensors, write_tensors
from ucls.errors import UclsError
from ucls.self_training import Candidate, LinearClassifier
from ucls.trained_heads import TrainedHeads

FILE = "classifier.safetensors"


@dataclass(frozen=True)
class Classifier:
    """From cached features to clusters.

    Attributes:
        feature_set: which cached tokens it takes.
        linear: its last step.
        heads: what lies between the features and ``linear``; None for nothing.
    """

    feature_set: str
    linear: LinearClassifier
    heads: TrainedHeads | None

    def predict(
        self, features: npt.NDArray[np.floating]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Labels features [N, D]: clusters int32 [N] and their probability [N]."""
        return self.linear.predict(self.heads.logits(features) if self.heads else features)


def write_classifier(
    folder: RunFolder,
    classifier: LinearClassifier,
    *,
    candidate: Candidate,
    feature_set: str,
    heads: Sequence[int] | None,
) -> None:
    """Writes a classifier.

    Args:
        folder: of the run.
        classifier: the weights.
        candidate: what sets it apart from the others.
        feature_set: the cached tokens that it, or its heads, take.
        heads: numbers of the heads whose logits it takes; None if it takes the tokens.
    """
    metadata = {
        "feature_set": feature_set,
        "heads": json.dumps(heads),
        "learning_rate": repr(candidate.learning_rate),
        "scale": repr(classifier.scale),
    }
    tensors = {"weight": classifier.weight, "bias": classifier.bias}
    write_tensors(folder.file(FILE), tensors, metadata)


def load_classifier(folder: RunFolder) -> Classifier:
    """Reads a run's classifier.

    Raises:
        UclsError: if there is none.
    """
    path = folder.file(FILE)
    if not path.is_file():
        raise UclsError(f"{folder.path} has no classifier yet; run: ucls self-train {folder.path}")
    tensors, metadata = read_tensors(path)
    linear = LinearClassifier(tensors["weight"], tensors["bias"], float(metadata["scale"]))
    heads = json.loads(metadata["heads"])
    trained = None if heads is None else load_heads(folder, heads)
    return Classifier(metadata["feature_set"], linear, trained)


def load_heads(folder: RunFolder, heads: Sequence[int]) -> TrainedHeads:
    """Reads some of a run's trained heads."""
    tensors, _ = read_tensors(folder.file("heads.safetensors"))
    return TrainedHeads(tensors, heads=heads)
