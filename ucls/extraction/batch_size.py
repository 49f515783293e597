"""How many images go through a backbone at once."""

import torch

from ucls.backbones.protocol import Backbone, spatial_size
from ucls.errors import UclsError

ON_CPU = 32
"""More makes no ViT faster on a CPU, and only delays the first results."""

ON_GPU = 256
"""From here on a ViT-S fills a GPU; larger ones are full earlier."""


def fitting_batch_size(backbone: Backbone) -> int:
    """Finds the images per forward pass that fit the device.

    On a GPU the largest power of two up to 256 whose forward pass fits into the free memory. It
    depends on nothing that is timed, so that the same machine gives the same features.

    Raises:
        UclsError: if not even one image fits.
    """
    if not backbone.device.startswith("cuda"):
        return ON_CPU
    size = ON_GPU
    while not _fits(backbone, size):
        if size == 1:
            raise UclsError(
                f"the memory of {backbone.device} does not hold one image of backbone "
                f"{backbone.spec.name}: take a smaller backbone or image size, or --device cpu"
            )
        size //= 2
    return size


def _fits(backbone: Backbone, batch_size: int) -> bool:
    shape = (batch_size, backbone.spec.channels, *spatial_size(backbone.spec.image_size))
    try:
        backbone.encode(torch.zeros(shape, dtype=torch.uint8)).cls.cpu()
    except torch.OutOfMemoryError:
        return False
    finally:
        torch.cuda.empty_cache()
    return True
