"""Random resized crops of a whole batch, on its device.

Shapes: B images.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ucls.pretraining.draws import Draws

TRIES = 10
"""Boxes drawn for each image, of which the first that fits is taken, as torchvision does."""
RATIOS = (3 / 4, 4 / 3)
"""Of the width of a crop to its height."""


class Boxes(NamedTuple):
    """Where crops lie, as shares of width and height of their image, float32 [B] each."""

    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor
    is_flipped: Tensor
    """bool [B], from left to right."""

    def grid(self, size: int) -> Tensor:
        """Where each pixel of a crop lies, from -1 to 1, float32 [B, size, size, 2]."""
        sign = 1.0 - 2.0 * self.is_flipped.to(self.width)
        zero = torch.zeros_like(self.width)
        matrices = torch.stack(
            [
                torch.stack([sign * self.width, zero, 2 * self.x + self.width - 1], dim=1),
                torch.stack([zero, self.height, 2 * self.y + self.height - 1], dim=1),
            ],
            dim=1,
        )
        return F.affine_grid(matrices, [len(zero), 1, size, size], align_corners=False)


def draw_boxes(
    aspects: Tensor, *, scale: tuple[float, float], is_flipped: bool, draws: Draws
) -> Boxes:
    """Draws a box for each image, as torchvision's ``RandomResizedCrop`` does.

    Args:
        aspects: of the width of each image to its height, float32 [B], on the CPU.
        scale: of the area, in 0..1.
        is_flipped: flip half of the crops.
        draws: of these images.
    """
    area = draws.uniform(*scale, TRIES)
    low, high = map(math.log, RATIOS)
    ratio = draws.uniform(low, high, TRIES).exp()
    widths, heights = (
        (area * ratio / aspects[:, None]).sqrt(),
        (area * aspects[:, None] / ratio).sqrt(),
    )
    fits = (widths <= 1) & (heights <= 1)
    first = fits.to(torch.uint8).argmax(dim=1, keepdim=True)
    width, height = (sides.gather(1, first)[:, 0] for sides in (widths, heights))
    has_one = fits.any(dim=1)
    width, height = (
        torch.where(has_one, drawn, central)
        for drawn, central in zip((width, height), _central(aspects), strict=True)
    )
    place = draws.uniform(0.0, 1.0, 2).T
    flips = draws.uniform(0.0, 1.0) < 0.5 * is_flipped
    x, y = torch.where(has_one, place, 0.5) * (1 - torch.stack([width, height]))
    return Boxes(x, y, width, height, flips)


def crop(images: Tensor, boxes: Boxes, size: int) -> Tensor:
    """Cuts boxes out and resizes them, bilinearly.

    Args:
        images: float32 [B, channels, H, W], each stretched to the same shape.
        boxes: of each image, on the same device.
        size: pixels per side.

    Returns:
        float32 [B, channels, size, size].
    """
    grid = boxes.grid(size).to(images.dtype)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _central(aspects: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of the largest boxes that are neither too wide nor too high."""
    low, high = RATIOS
    return (high / aspects).clamp(max=1.0), (aspects / low).clamp(max=1.0)
