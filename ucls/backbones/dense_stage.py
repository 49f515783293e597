"""The stage of a convolutional network whose map tells where things are.

Shapes: B images, C channels of the stage's map, h pixels per side of it.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ucls.backbones.encoder import Encoder

REDUCTION = 16
"""Of the side of a large image to that of the map: the fourth stage of a ResNet (res4)."""


class DenseStage(NamedTuple):
    """A part of an encoder, and what it gives."""

    module: nn.Module
    """From whatever to a map [B, C, h, h]."""
    width: int
    """C."""
    side: int
    """h, of images of the size that the encoder is for."""


def dense_stage(encoder: Encoder) -> DenseStage | None:
    """Finds the last stage that reduces large images to a sixteenth at most, by what timm tells.

    Args:
        encoder: its statistics of batch norm stay as they are.

    Returns:
        None if the network has no such stage, or its maps are in another layout.
    """
    stages = [
        stage
        for stage in getattr(encoder.network, "feature_info", [])
        if stage["reduction"] <= REDUCTION
    ]
    if encoder.map_width is None or not stages:
        return None
    module = encoder.network.get_submodule(stages[-1]["module"])
    shape = _shape_of(module, encoder)
    if len(shape) != 4 or shape[1] != stages[-1]["num_chs"] or shape[2] != shape[3]:
        return None
    return DenseStage(module, shape[1], shape[2])


def _shape_of(module: nn.Module, encoder: Encoder) -> torch.Size:
    seen: list[torch.Size] = []

    def note(_: nn.Module, __: Any, output: Tensor) -> None:
        seen.append(output.shape)

    hook, was_training = module.register_forward_hook(note), encoder.training
    size, first = encoder.architecture.image_size, next(encoder.parameters())
    try:
        with torch.no_grad():
            encoder.eval()(first.new_zeros(1, encoder.architecture.channels, size, size))
    finally:
        hook.remove()
        encoder.train(was_training)
    return seen[0]
