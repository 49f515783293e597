"""Augmented views of images, as in BYOL (Grill et al. 2020, appendix B)."""

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

_SEED_STRIDE = 1_000_003


@dataclass(frozen=True)
class Augmentation:
    """Makes augmented views of pictures; runs in worker processes.

    A view is a random resized crop (8 to 100 % of the area), flipped half of the time, with
    colour jitter (80 %), grey (20 %), Gaussian blur and solarisation. As in BYOL, views 1, 3, ...
    are always blurred and never solarised; views 2, 4, ... are blurred in 10 % and solarised in
    20 % of all cases.

    Attributes:
        size: (height, width) in pixels.
        channels: 1 for grey, 3 for colour.
        interpolation: the filter of the resizing, such as ``bicubic``.
    """

    size: tuple[int, int]
    channels: int
    interpolation: str

    def __call__(self, image: Image.Image, *, row: int, view: int) -> Tensor:
        """Makes one view.

        Args:
            image: of mode ``RGB`` or ``L``.
            row: of the image in its set.
            view: 1, 2, ...; with ``row`` it decides all that is random.

        Returns:
            uint8 [channels, height, width].
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(row * _SEED_STRIDE + view)
            augmented: Tensor = self._pipeline(always_blurred=view % 2 == 1)(image.convert("RGB"))
        return augmented if self.channels == 3 else v2.functional.rgb_to_grayscale(augmented)

    def _pipeline(self, *, always_blurred: bool) -> v2.Compose:
        blur = v2.GaussianBlur(_odd(self.size[0] / 10), sigma=(0.1, 2.0))
        steps = [
            v2.RandomResizedCrop(
                self.size,
                scale=(0.08, 1.0),
                interpolation=InterpolationMode(self.interpolation),
                antialias=True,
            ),
            v2.PILToTensor(),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
            v2.RandomGrayscale(0.2),
            blur if always_blurred else v2.RandomApply([blur], p=0.1),
        ]
        return v2.Compose(steps if always_blurred else [*steps, v2.RandomSolarize(128, p=0.2)])


def _odd(length: float) -> int:
    """The nearest odd number of pixels, at least three."""
    return max(3, 2 * round((length - 1) / 2) + 1)
