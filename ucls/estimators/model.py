"""What a fitted :class:`ucls.UCLS` predicts with, as NumPy arrays and text alone.

Shapes: M samples, D features, C clusters.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from ucls.types import Labels

if TYPE_CHECKING:
    from ucls.runs.classifier import Classifier

Features = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClusterModel:
    """A classifier taken apart, so that a pickle of it holds no object of torch.

    Attributes:
        weight: of the classifier, float32 [inputs, C].
        bias: float32 [C].
        scale: of its inputs.
        votes: ``names`` and ``votes`` of :class:`ucls.ensemble.head_votes.HeadVotes`.
        voters: numbers of the heads of the consensus.
        tensors: of all heads, if the classifier takes their logits; otherwise empty.
        metadata: of these tensors.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    scale: float
    votes: tuple[Labels, npt.NDArray[np.int64]]
    voters: tuple[int, ...]
    tensors: dict[str, npt.NDArray[Any]]
    metadata: dict[str, str]

    @classmethod
    def of(
        cls,
        classifier: "Classifier",
        tensors: dict[str, npt.NDArray[Any]],
        metadata: dict[str, str],
    ) -> Self:
        """Takes a classifier apart, whose heads have these tensors."""
        linear, votes = classifier.linear, classifier.votes
        return cls(
            weight=linear.weight,
            bias=linear.bias,
            scale=linear.scale,
            votes=(votes.names, votes.votes),
            voters=classifier.voters,
            tensors=tensors if classifier.heads is not None else {},
            metadata=metadata,
        )

    @classmethod
    def of_one_cluster(cls, n_features: int) -> Self:
        """Puts all samples into one cluster."""
        votes = (np.zeros((1, 1), np.int32), np.ones(1, np.int64))
        weight, bias = np.zeros((n_features, 1), np.float32), np.zeros(1, np.float32)
        return cls(weight, bias, 1.0, votes, (0,), {}, {})

    def predict(self, features: Features) -> Labels:
        """The cluster of each sample, [M, D] to int32 [M]."""
        return self._classifier().predict(features)[0]

    def shares(self, features: Features) -> npt.NDArray[np.float32]:
        """The probability of every cluster, [M, D] to [M, C]."""
        return np.concatenate(list(self._classifier().shares(features)))

    def _classifier(self) -> "Classifier":
        from ucls.ensemble.head_votes import HeadVotes
        from ucls.heads.trained import TrainedHeads
        from ucls.runs.classifier import Classifier
        from ucls.training.linear import LinearClassifier

        heads = None
        if self.tensors:
            heads = TrainedHeads(self.tensors, self.metadata, heads=self.voters)
        linear = LinearClassifier(self.weight, self.bias, self.scale)
        return Classifier("cls", linear, heads, self.voters, HeadVotes(*self.votes))
