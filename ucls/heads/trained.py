"""The trained heads as a function of features."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ucls.heads.inputs import HeadInputs
from ucls.heads.protocol import Heads
from ucls.heads.rebuild import describe, rebuild
from ucls.preparation.prepared import Preparation
from ucls.tables import AnyFeatures

CHUNK = 4096
HELD = 2**26
"""Logits that are kept at once, in 256 MB."""

Arrays = Mapping[str, npt.NDArray[Any]]


def heads_metadata(
    heads: Heads, *, n_heads: int, scale: float, preparation: Preparation
) -> dict[str, str]:
    """What lies beside the weights in ``heads.safetensors``.

    Args:
        heads: some of them.
        n_heads: of this kind in the file.
        scale: of the prepared features.
        preparation: of the features.
    """
    described = {**describe(heads), "n_heads": n_heads}
    return {
        "heads": json.dumps(described, sort_keys=True),
        "scale": repr(scale),
        "preparation": preparation.describe(),
    }


class TrainedHeads:
    """The trained heads with what turns features into their inputs.

    Args:
        tensors: what ``heads.safetensors`` holds; see
            :meth:`ucls.training.trainer.HeadTrainer.trained_state`.
        metadata: of the same file.
        heads: numbers of the heads wanted; None for all. Of networks with classifiers of several
            sizes, those of the first size come first.
    """

    def __init__(
        self,
        tensors: Arrays,
        metadata: Mapping[str, str],
        *,
        heads: Sequence[int] | None = None,
    ) -> None:
        description = _description(tensors, metadata)
        n_all, all_sizes = description["n_heads"], description["sizes"]
        chosen = list(range(n_all * len(all_sizes)) if heads is None else heads)
        networks = sorted({head % n_all for head in chosen})
        self.network = rebuild(description, n_heads=len(networks))
        module = cast("nn.Module", self.network).requires_grad_(False).eval()
        module.load_state_dict(
            {
                name.partition(".")[2]: _select(value, networks, n_all)
                for name, value in tensors.items()
                if name.startswith(("heads.", "teacher."))
            }
        )
        ends = np.cumsum(all_sizes)
        self._places = [
            (networks.index(head % n_all), int(ends[head // n_all]), all_sizes[head // n_all])
            for head in chosen
        ]
        self.inputs = _inputs(tensors, metadata, description["n_features"])

    @property
    def sizes(self) -> list[int]:
        """Clusters of each head."""
        return [size for _, _, size in self._places]

    @property
    def n_outputs(self) -> int:
        """Clusters of all heads."""
        return sum(self.sizes)

    def logits(self, features: AnyFeatures) -> npt.NDArray[np.float32]:
        """All heads' logits side by side: [N, D] to [N, n_outputs]."""
        found = np.empty((len(features), self.n_outputs), np.float32)
        for start in range(0, len(features), CHUNK):
            rows = slice(start, start + CHUNK)
            by_head = self.by_head(torch.from_numpy(np.array(features[rows], "f4")))
            torch.cat(by_head, dim=1, out=torch.from_numpy(found[rows]))
        return found

    def by_head(self, features: torch.Tensor) -> list[torch.Tensor]:
        """The logits [n, C] of each head for features, float32 [n, D]."""
        logits = self.network(self.inputs(features))
        return [logits[row, :, end - size : end] for row, end, size in self._places]

    def labels(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
        """The cluster of each image by each head: logits [N, n_outputs] to int32 [heads, N]."""
        by_head = np.split(logits, np.cumsum(self.sizes)[:-1], axis=1)
        return np.stack([part.argmax(axis=1) for part in by_head]).astype(np.int32)


class HeadLogits:
    """The logits [N, n_outputs] of features, taken anew whenever rows are asked for.

    Args:
        heads: all that are wanted.
        features: [N, D].
    """

    def __init__(self, heads: TrainedHeads, features: AnyFeatures) -> None:
        self._heads, self._features = heads, features

    def __len__(self) -> int:
        """N."""
        return len(self._features)

    def __getitem__(self, rows: npt.NDArray[np.int64] | slice) -> npt.NDArray[np.float32]:
        """Those of some rows."""
        return self._heads.logits(self._features[rows])


def logits_by_row(
    heads: TrainedHeads, features: AnyFeatures
) -> npt.NDArray[np.float32] | HeadLogits:
    """The logits of features, all at once while they are few."""
    is_small = len(features) * heads.n_outputs <= HELD
    return heads.logits(features) if is_small else HeadLogits(heads, features)


def _description(tensors: Arrays, metadata: Mapping[str, str]) -> dict[str, Any]:
    """What the heads are; files of older versions hold TEMI's heads and do not say so."""
    if "heads" in metadata:
        described: dict[str, Any] = json.loads(metadata["heads"])
        return described
    n_heads, bottleneck_dim, n_clusters = tensors["teacher.direction"].shape
    return {
        "network": "mlp",
        "n_heads": n_heads,
        "n_features": tensors["teacher.first_weight"].shape[1],
        "sizes": [n_clusters],
        "hidden_dim": tensors["teacher.hidden_weight"].shape[1],
        "bottleneck_dim": bottleneck_dim,
    }


def _inputs(tensors: Arrays, metadata: Mapping[str, str], n_inputs: int) -> HeadInputs:
    """What lies before the heads; files of older versions have no scale, axes or preparation."""
    state = {
        name: torch.from_numpy(np.asarray(value))
        for name, value in tensors.items()
        if name == "axes" or name.startswith("batch_norm.")
    }
    n_features = len(state["axes"]) if "axes" in state else n_inputs
    batch_norm = any(name != "axes" for name in state)
    inputs = HeadInputs(
        n_features,
        n_inputs,
        scale=float(metadata.get("scale", "1")),
        batch_norm=batch_norm,
        preparation=Preparation.restore(metadata.get("preparation", "[]"), tensors),
    )
    inputs.load_state_dict(state, strict=False)
    return inputs


def _select(value: npt.NDArray[Any], heads: list[int], n_all: int) -> torch.Tensor:
    """Takes the part of some heads out of a tensor, whose first axis all heads share."""
    if value.ndim == 0:
        return torch.from_numpy(np.asarray(value))
    by_head = value.reshape(n_all, -1, *value.shape[1:])
    return torch.from_numpy(by_head[heads].reshape(-1, *value.shape[1:]))
