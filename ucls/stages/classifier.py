"""The run's classifier on disk: ``classifier.safetensors``."""

from ucls.cache import RunFolder, read_tensors, write_tensors
from ucls.errors import UclsError
from ucls.self_training import Candidate, LinearClassifier

FILE = "classifier.safetensors"


def write_classifier(folder: RunFolder, candidate: Candidate, classifier: LinearClassifier) -> None:
    """Writes a classifier with the feature set that it takes."""
    metadata = {
        "feature_set": candidate.feature_set,
        "learning_rate": repr(candidate.learning_rate),
        "scale": repr(classifier.scale),
    }
    tensors = {"weight": classifier.weight, "bias": classifier.bias}
    write_tensors(folder.file(FILE), tensors, metadata)


def load_classifier(folder: RunFolder) -> tuple[LinearClassifier, str]:
    """Reads a run's classifier and the name of its feature set.

    Raises:
        UclsError: if there is none.
    """
    path = folder.file(FILE)
    if not path.is_file():
        raise UclsError(f"{folder.path} has no classifier yet; run: ucls self-train {folder.path}")
    tensors, metadata = read_tensors(path)
    scale = float(metadata["scale"])
    return LinearClassifier(tensors["weight"], tensors["bias"], scale), metadata["feature_set"]
