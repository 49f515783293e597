"""A branch that tells foreground from background, and its losses (thesis, section 3.2).

Shapes: B images, C channels of a map of h x h.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """One minus the overlap of all pixels of a batch, in 0..1, [].

    That is eq. 3.4 with the factor 2 on the overlap alone, as Sudre et al. (2017) have it. As it is
    printed the factor is also before the 1, so that the loss of a perfect mask would be negative.

    Args:
        logits: of the foreground, any shape.
        masks: 0 or 1, of the same shape.
    """
    found = logits.sigmoid()
    overlap = (found * masks).sum()
    return 1 - (2 * overlap + 1) / (found.sum() + masks.sum() + 1)


def bce_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """The mean binary cross-entropy (thesis, section 4.5.2), []; arguments as of the dice loss."""
    return F.binary_cross_entropy_with_logits(logits, masks)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"dice": dice_loss, "bce": bce_loss}


class SegmentationBranch(nn.Module):
    """Two 1x1 convolutions to 2C channels, a 2x2 deconvolution of stride 2, and a 1x1 convolution.

    The thesis leaves open what the deconvolution gives: here C channels, and ReLU after it.

    Args:
        width: C.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_project(width, 2 * width),
            *_project(2 * width, 2 * width),
            nn.ConvTranspose2d(2 * width, width, 2, stride=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 1, 1),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Logits of the foreground, [B, 1, 2h, 2h], of maps [B, C, h, h]."""
        logits: Tensor = self.layers(maps)
        return logits


def _project(width: int, out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)


def binary(masks: Tensor) -> Tensor:
    """Masks of 0 and 1, float32, of what was cut out of uint8 masks as numbers in 0..255."""
    return (masks >= 128).to(torch.float32)
