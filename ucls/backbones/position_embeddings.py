"""Position embeddings for another number of patches, as the models' own code has them."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def resample_position_embedding(
    embedding: Tensor,
    grid: tuple[int, int],
    *,
    offset: float,
    trained: tuple[int, int] | None = None,
) -> Tensor:
    """Resamples learned position embeddings by bicubic interpolation without antialiasing.

    So do DINO and DINOv2 without registers, which add an offset of 0.1 to the new grid before
    they turn it into a scale, and MSN, which adds none. The offset moves the points where the
    old grid is sampled, so weights trained with it need it. DINOv2 with registers, and timm for
    every model, interpolate with antialiasing instead.

    Args:
        embedding: float32 [1, T + M * N, D], T prefix tokens, then the patches of a grid.
        grid: patches per column and per row to resample to.
        offset: in patches of the new grid.
        trained: M and N, the patches per column and per row of the embedding; the largest square
            that fits by default.

    Returns:
        float32 [1, T + height * width, D]; prefix tokens, and a grid of the same size, unchanged.
    """
    rows, columns = trained or (math.isqrt(embedding.shape[1]),) * 2
    if grid == (rows, columns):
        return embedding
    prefix, patches = embedding.tensor_split([embedding.shape[1] - rows * columns], dim=1)
    image = patches.reshape(1, rows, columns, -1).permute(0, 3, 1, 2)
    if offset:
        scale = [(grid[0] + offset) / rows, (grid[1] + offset) / columns]
        image = F.interpolate(image, scale_factor=scale, mode="bicubic")
    else:
        image = F.interpolate(image, size=grid, mode="bicubic")
    return torch.cat([prefix, image.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


def trained_grid(
    n_patches: int, *, usual: tuple[int, int], asked: tuple[int, int]
) -> tuple[int, int]:
    """Tells the grid that position embeddings are for, of which a file holds only their number.

    Args:
        n_patches: that number, without prefix tokens.
        usual: patches per column and per row that the model has by itself.
        asked: height and width of the images, in any unit.

    Returns:
        Patches per column and per row: the usual grid, or else the square, or else one that is as
        wide for its height as what is asked for.

    Raises:
        ValueError: if none of these has that number of patches, or both a square and one of the
            asked shape.
    """
    if n_patches == usual[0] * usual[1]:
        return usual
    shapes = {(1, 1), asked}
    grids = {grid for shape in shapes if (grid := _grid_of_shape(n_patches, *shape))}
    if len(grids) != 1:
        found = " or ".join(f"{rows}x{columns}" for rows, columns in sorted(grids)) or "no square"
        raise ValueError(
            f"position embeddings for {n_patches} patches, which are {found}: take the image size "
            "that they were trained with"
        )
    return grids.pop()


def _grid_of_shape(n_patches: int, height: int, width: int) -> tuple[int, int] | None:
    rows = math.isqrt(max(n_patches, 0) * height // width)
    is_grid = rows > 0 and n_patches % rows == 0 and rows * width == n_patches // rows * height
    return (rows, n_patches // rows) if is_grid else None
