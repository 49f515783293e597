"""Position embeddings for another number of patches, as the models' own code has them."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def resample_position_embedding(
    embedding: Tensor, grid: tuple[int, int], *, offset: float
) -> Tensor:
    """Resamples learned position embeddings by bicubic interpolation without antialiasing.

    So do DINO and DINOv2 without registers, which add an offset of 0.1 to the new grid before
    they turn it into a scale, and MSN, which adds none. The offset moves the points where the
    old grid is sampled, so weights trained with it need it. DINOv2 with registers, and timm for
    every model, interpolate with antialiasing instead.

    Args:
        embedding: float32 [1, T + M * M, D], T prefix tokens, then the patches of a square grid.
        grid: patches per column and per row to resample to.
        offset: in patches of the new grid.

    Returns:
        float32 [1, T + height * width, D]; prefix tokens, and a grid of the same size, unchanged.
    """
    side = math.isqrt(embedding.shape[1])
    if grid == (side, side):
        return embedding
    prefix, patches = embedding.tensor_split([embedding.shape[1] - side * side], dim=1)
    image = patches.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if offset:
        scale = [(length + offset) / side for length in grid]
        image = F.interpolate(image, scale_factor=scale, mode="bicubic")
    else:
        image = F.interpolate(image, size=grid, mode="bicubic")
    return torch.cat([prefix, image.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)
