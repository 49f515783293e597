"""The run's classifier on disk: ``classifier.safetensors``, beside the heads it may need."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.cache import RunFolder, read_tensors, write_tensors
from ucls.cache import run_files as files
from ucls.ensemble.head_votes import HeadVotes
from ucls.errors import UclsError
from ucls.heads.trained import HeadLogits, TrainedHeads
from ucls.tables import AnyFeatures
from ucls.training.linear import Candidate, LinearClassifier
from ucls.types import Labels


class Labelled(NamedTuple):
    """What is said of N images."""

    clusters: Labels
    """The classifier's, or what it was taught, int32 [N]."""
    confidence: npt.NDArray[np.float32]
    """Share of the consensus's heads that put the image into that cluster, [N]."""
    probability: npt.NDArray[np.float32]
    """What the classifier itself gives that cluster, [N]."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Clusters that were corrected, as the columns of a classifier and the heads tell them.

    Attributes:
        numbers: of the G clusters, rising, int32 [G]; -1 where images belong to none.
        of_columns: the place in ``numbers`` of each column of the classifier, int32 [C'].
        stands_for: whether a found cluster counts as one of them when the heads vote, [C, G].
        names: the given name of each cluster that has one, by its number.
        is_retrained: whether the classifier was trained on them.
    """

    numbers: Labels
    of_columns: Labels
    stands_for: npt.NDArray[np.bool_]
    names: Mapping[int, str]
    is_retrained: bool = False


@dataclass(frozen=True)
class Classifier:
    """From cached features to clusters, and the heads of the consensus it was trained on.

    Attributes:
        feature_set: which cached tokens it takes.
        linear: its last step.
        heads: what lies between the features and ``linear``, namely the voters; None for nothing.
        voters: numbers of the heads of the consensus.
        votes: of these heads.
        groups: the corrected clusters; None where they are those that were found.
    """

    feature_set: str
    linear: LinearClassifier
    heads: TrainedHeads | None
    voters: tuple[int, ...]
    votes: HeadVotes
    groups: Groups | None = None

    @property
    def numbers(self) -> list[int]:
        """The clusters that there are."""
        if self.groups is None:
            return list(range(len(self.linear.bias)))
        return [number for number in self.groups.numbers.tolist() if number >= 0]

    @property
    def share_numbers(self) -> list[int]:
        """The cluster of each share; -1 for images that belong to none."""
        return self.numbers if self.groups is None else self.groups.numbers.tolist()

    def name_of(self, cluster: int) -> str:
        """The given name of a cluster; empty where it has none."""
        return "" if self.groups is None else self.groups.names.get(cluster, "")

    def predict(self, features: AnyFeatures) -> tuple[Labels, npt.NDArray[np.float32]]:
        """Labels features [N, D] for :meth:`judge`: places int32 [N], their probability [N]."""
        return self.predict_inputs(HeadLogits(self.heads, features) if self.heads else features)

    def predict_inputs(
        self, inputs: AnyFeatures | HeadLogits
    ) -> tuple[Labels, npt.NDArray[np.float32]]:
        """As :meth:`predict`, of what the last step takes."""
        return self.linear.predict(inputs, groups=self.members)

    @property
    def members(self) -> npt.NDArray[np.bool_] | None:
        """Whether a column is of a group, [C', G]; None without groups."""
        if self.groups is None:
            return None
        places = np.arange(len(self.groups.numbers))
        members: npt.NDArray[np.bool_] = self.groups.of_columns[:, None] == places
        return members

    def shares(self, features: AnyFeatures) -> Iterator[npt.NDArray[np.float32]]:
        """The probability of every cluster for features [N, D], some rows at a time: [n, G].

        In the order of :attr:`share_numbers`.
        """
        inputs = HeadLogits(self.heads, features) if self.heads else features
        for shares in self.linear.shares(inputs, groups=self.members):
            yield shares if self.knows_anything else np.full_like(shares, 1.0 / shares.shape[1])

    @property
    def knows_anything(self) -> bool:
        """Whether any voter counts, since not all have collapsed."""
        return bool(self.votes.votes.any())

    def judge(
        self, places: Labels, probability: npt.NDArray[np.float32], by_head: Labels
    ) -> Labelled:
        """How sure predictions [N] are, with what the voters say, int32 [H, N].

        Where no voter counts, since all have collapsed, no cluster is more probable than another.
        """
        if not self.knows_anything:
            probability = np.full_like(probability, 1.0 / len(self.numbers))
        if self.groups is None:
            return Labelled(places, self.votes.confidence(by_head, places), probability)
        confidence = self.votes.confidence(by_head, places, stands_for=self.groups.stands_for)
        return Labelled(self.groups.numbers[places], confidence, probability)


def write_classifier(
    folder: RunFolder,
    classifier: LinearClassifier,
    *,
    candidate: Candidate,
    feature_set: str,
    takes_logits: bool,
    voters: Sequence[int],
    votes: HeadVotes,
    groups: Groups | None = None,
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
        groups: of a classifier of corrected clusters, which is kept beside the one of those found.
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
    if groups is None:
        write_tensors(folder.file(files.CLASSIFIER), tensors, metadata)
    else:
        _write_corrected(folder, tensors, metadata, groups)


def regroup_classifier(folder: RunFolder, groups: Groups) -> None:
    """Writes the classifier of the found clusters once more, for corrected ones.

    Args:
        folder: of the run.
        groups: the corrected clusters; a column for each found one.
    """
    _write_corrected(folder, *read_tensors(folder.file(files.CLASSIFIER)), groups)


def rename_clusters(folder: RunFolder, names: Mapping[int, str]) -> None:
    """Gives the clusters of the corrected classifier other names."""
    tensors, metadata = read_tensors(folder.file(files.CORRECTED_CLASSIFIER))
    groups = _read_groups(tensors, metadata)
    assert groups is not None
    _write_corrected(folder, tensors, metadata, replace(groups, names=dict(names)))


def _write_corrected(
    folder: RunFolder,
    tensors: Mapping[str, npt.NDArray[Any]],
    metadata: Mapping[str, str],
    groups: Groups,
) -> None:
    with_groups = {
        **tensors,
        "numbers": groups.numbers,
        "of_columns": groups.of_columns,
        "stands_for": groups.stands_for,
    }
    of_groups = {
        "cluster_names": json.dumps(sorted(groups.names.items())),
        "retrained": json.dumps(groups.is_retrained),
    }
    path = folder.file(files.CORRECTED_CLASSIFIER)
    write_tensors(path, with_groups, {**metadata, **of_groups})


def load_classifier(folder: RunFolder, *, corrected: bool = False) -> Classifier:
    """Reads a run's classifier.

    Args:
        folder: of the run.
        corrected: take the one of the corrected clusters, where there are any.

    Raises:
        UclsError: if there is none, or one without the votes of the heads.
    """
    path = folder.file(files.CORRECTED_CLASSIFIER)
    if not corrected or not path.is_file():
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
        groups=_read_groups(tensors, metadata),
    )


def _read_groups(
    tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]
) -> Groups | None:
    if "numbers" not in tensors:
        return None
    names = dict(json.loads(metadata["cluster_names"]))
    arrays = (tensors["numbers"], tensors["of_columns"], tensors["stands_for"])
    return Groups(*arrays, names, json.loads(metadata["retrained"]))


def load_heads(folder: RunFolder, heads: Sequence[int]) -> TrainedHeads:
    """Reads some of a run's trained heads."""
    tensors, metadata = read_tensors(folder.file(files.HEADS))
    return TrainedHeads(tensors, metadata, heads=heads)
