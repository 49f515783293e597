"""The trained heads as a function of features."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ucls.heads import MultiHead

CHUNK = 4096


class TrainedHeads:
    """The teacher with its batch norm.

    Args:
        tensors: what ``heads.safetensors`` holds; see
            :meth:`ucls.training.HeadTrainer.trained_state`.
        heads: numbers of the heads wanted; None for all.
    """

    def __init__(
        self, tensors: Mapping[str, npt.NDArray[Any]], *, heads: Sequence[int] | None = None
    ) -> None:
        n_all = len(tensors["teacher.direction"])
        chosen = list(range(n_all) if heads is None else heads)
        weights = {
            name.removeprefix("teacher."): _select(value, chosen, n_all)
            for name, value in tensors.items()
            if name.startswith("teacher.")
        }
        n_heads, bottleneck_dim, n_clusters = weights["direction"].shape
        n_features, hidden_dim = weights["first_weight"].shape[1], weights["hidden_weight"].shape[1]
        self.heads = MultiHead(
            n_heads,
            n_features,
            n_clusters,
            hidden_dim=hidden_dim,
            bottleneck_dim=bottleneck_dim,
        ).requires_grad_(False)
        self.heads.load_state_dict(weights)
        self.normalize: nn.Module = nn.Identity()
        if "batch_norm.running_mean" in tensors:
            self.normalize = nn.BatchNorm1d(n_features, affine=False).eval()
            self.normalize.load_state_dict(
                {
                    name.removeprefix("batch_norm."): torch.from_numpy(np.asarray(value))
                    for name, value in tensors.items()
                    if name.startswith("batch_norm.")
                }
            )

    @property
    def n_outputs(self) -> int:
        """H * C."""
        n_heads, _, n_clusters = self.heads.direction.shape
        return n_heads * n_clusters

    def logits(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """All heads' logits side by side: [N, D] to [N, H * C]."""
        parts = []
        for start in range(0, len(features), CHUNK):
            chunk = torch.from_numpy(np.asarray(features[start : start + CHUNK], np.float32))
            logits = self.heads(self.normalize(chunk))
            parts.append(logits.transpose(0, 1).flatten(1).numpy())
        return np.concatenate(parts)


def _select(value: npt.NDArray[Any], heads: list[int], n_all: int) -> torch.Tensor:
    """Takes the part of some heads out of a weight, whose first axis all heads share."""
    by_head = value.reshape(n_all, -1, *value.shape[1:])
    return torch.from_numpy(by_head[heads].reshape(-1, *value.shape[1:]))
