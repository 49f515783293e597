"""The keys that the last block of a ViT attends by.

Shapes: B images, h x w patches of each, D width of a token.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ucls.backbones.protocol import Backbone, spatial_size
from ucls.errors import UsageError


class PatchKeys:
    """Reads the keys of patches while a backbone runs.

    Args:
        backbone: with a ViT of timm.

    Raises:
        UsageError: if it has none, or none whose keys can be read.
    """

    def __init__(self, backbone: Backbone) -> None:
        model: Any = getattr(backbone, "model", None)
        model = getattr(model, "network", model)
        blocks: Any = getattr(model, "blocks", None)
        embed: Any = getattr(model, "patch_embed", None)
        attention: Any = getattr(blocks[-1], "attn", None) if blocks else None
        layer = _key_layer(attention)
        if layer is None or not hasattr(embed, "dynamic_feat_size"):
            raise UsageError(
                f"backbone {backbone.spec.name} has no keys of patches: take a vision transformer "
                "such as --backbone dino_vits16"
            )
        self._backbone, self._attention = backbone, attention
        self._weight, self._bias = layer
        self._n_prefix = int(getattr(model, "num_prefix_tokens", 0))
        height, width = embed.dynamic_feat_size(spatial_size(backbone.spec.image_size))
        self.grid = int(height), int(width)
        """h and w."""

    def __call__(self, pixels: Tensor) -> Tensor:
        """The keys of all heads side by side, without positions that attention adds by rotation.

        Args:
            pixels: uint8 [B, channels, H, W], on any device.

        Returns:
            float32 [B, h, w, D], on the backbone's device.
        """
        with self.watched() as seen:
            self._backbone.encode(pixels)
        return self.of(seen[0])

    @contextmanager
    def watched(self) -> Iterator[list[Tensor]]:
        """Yields a list of what the last block attends to, [B, prefix + P, D], pass by pass."""
        seen: list[Tensor] = []
        hook = self._attention.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            yield seen
        finally:
            hook.remove()

    def of(self, attended: Tensor) -> Tensor:
        """The keys [B, h, w, D] of what :meth:`watched` saw."""
        tokens = attended[:, self._n_prefix :].to(self._weight.dtype)
        with torch.no_grad():
            keys = F.linear(tokens, self._weight, self._bias).float()
        return keys.view(len(keys), *self.grid, -1)


def _key_layer(attention: Any) -> tuple[Tensor, Tensor | None] | None:
    """Weight and bias of the layer that makes keys of tokens; None if there is no such layer."""
    if (layer := getattr(attention, "k_proj", None)) is not None:
        return layer.weight, layer.bias
    if (layer := getattr(attention, "qkv", None)) is None:
        return None
    bias = None if layer.bias is None else layer.bias.chunk(3)[1]
    return layer.weight.chunk(3)[1], bias
