"""Multi-crop: the views of a batch (Caron et al. 2020, SwAV), and how their colours change.

Shapes: B images, V views, the global ones first.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from ucls.pretraining.colours import blur, jitter, lose_colour, solarize
from ucls.pretraining.crops import Boxes, crop, draw_boxes
from ucls.pretraining.draws import Draws

N_GLOBAL = 2


class Recolouring(NamedTuple):
    """How colours change; shares are of the first and second global view and of local ones."""

    saturation: float
    blurred: tuple[float, float, float]
    solarized: tuple[float, float, float]


RECOLOURINGS: dict[str, Recolouring | None] = {
    "byol": Recolouring(0.2, (1.0, 0.1, 0.5), (0.0, 0.2, 0.0)),
    "moco": Recolouring(0.4, (0.5, 0.5, 0.5), (0.0, 0.0, 0.0)),
    "none": None,
}
"""BYOL's (Grill et al. 2020, appendix B) and those of MoCo v2 (Chen et al. 2020) and SimSiam."""


def duos(n_views: int) -> list[tuple[int, int]]:
    """The views that are alike: the global ones, and each local one with each global one."""
    return [pair for pair in combinations(range(n_views), 2) if pair[0] < N_GLOBAL]


class Views(NamedTuple):
    """Of a batch."""

    pixels: list[Tensor]
    """V times float32 [B, channels, S, S], normalised; local ones are smaller."""
    boxes: list[Boxes]
    """Where each view was cut out, V times."""


@dataclass(frozen=True)
class MultiCrop:
    """Makes views of batches.

    Attributes:
        size: pixels per side of the global views.
        local_size: of the local ones.
        n_global: how many global ones there are, 1 or 2.
        n_local: how many local ones.
        global_scale: of the areas of global views, in 0..1.
        local_scale: of those of local ones.
        flips: half of all views.
        recolours: how; None: views are only cropped and flipped.
        mean: of the pixels in 0..1, by channel.
        std: of the same.
    """

    size: int
    local_size: int
    n_global: int
    n_local: int
    global_scale: tuple[float, float]
    local_scale: tuple[float, float]
    flips: bool
    recolours: Recolouring | None
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor, aspects: Tensor, draws: Draws) -> Views:
        """Makes the views of a batch.

        Args:
            images: uint8 [B, channels, H, W], each stretched to the same shape.
            aspects: of the width of each to its height before, float32 [B], on the CPU.
            draws: of these images.
        """
        pixels = images.float().div_(255)
        views: list[Tensor] = []
        boxes: list[Boxes] = []
        for view in range(self.n_global + self.n_local):
            is_global = view < self.n_global
            scale = self.global_scale if is_global else self.local_scale
            drawn = draw_boxes(aspects, scale=scale, is_flipped=self.flips, draws=draws)
            drawn = Boxes(*(value.to(images.device) for value in drawn))
            cut = crop(pixels, drawn, self.size if is_global else self.local_size)
            if self.recolours is not None:
                place = view if is_global else N_GLOBAL
                cut = recolour(cut, self.recolours, place=place, draws=draws)
            views.append(self.normalize(cut))
            boxes.append(drawn)
        return Views(views, boxes)

    def plain(self, images: Tensor) -> Tensor:
        """Whole images as a trained network sees them, float32 [B, channels, size, size].

        Args:
            images: uint8 [B, channels, H, W], each stretched to the same shape.
        """
        pixels = images.float().div_(255)
        if pixels.shape[-1] != self.size:
            pixels = F.interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True)
        return self.normalize(pixels)

    def normalize(self, pixels: Tensor) -> Tensor:
        """Brings pixels in 0..1 to mean 0 and deviation 1, by channel."""
        mean, std = (pixels.new_tensor(one).view(-1, 1, 1) for one in (self.mean, self.std))
        return (pixels - mean) / std


def recolour(pixels: Tensor, how: Recolouring, *, place: int, draws: Draws) -> Tensor:
    """Changes the colours of views in 0..1, float32 [B, channels, S, S].

    Args:
        pixels: of one view of each image.
        how: which changes.
        place: 0 or 1 of a global view, 2 of a local one.
        draws: of these images.
    """
    pixels = lose_colour(jitter(pixels, draws, saturation=how.saturation), draws)
    pixels = blur(pixels, how.blurred[place], draws)
    if how.solarized[place]:
        pixels = solarize(pixels, how.solarized[place], draws)
    return pixels
