"""The pixels themselves as a backbone."""

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ucls.backbones.protocol import BackboneSpec, ImageSize, Preprocess, Tokens, spatial_size


@dataclass(frozen=True)
class PixelsPreprocess:
    """Squashes a picture to the image size.

    Attributes:
        size: height and width.
        channels: 1 or 3.
    """

    size: tuple[int, int]
    channels: int

    def __call__(self, image: Image.Image) -> Tensor:
        """Returns uint8 [channels, H, W]."""
        height, width = self.size
        # Pillow's bicubic filter widens when it shrinks a picture, which is its antialiasing.
        picture = image.convert("L" if self.channels == 1 else "RGB")
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
        return values.view(height, width, self.channels).permute(2, 0, 1).contiguous()


class PixelsBackbone:
    """The pixels themselves, standardised per image: a baseline that needs no weights."""

    def __init__(self, *, image_size: ImageSize, channels: int, device: str = "cpu") -> None:
        height, width = spatial_size(image_size)
        self.preprocess: Preprocess = PixelsPreprocess((height, width), channels)
        self.spec = BackboneSpec(
            name="pixels",
            weights_hash="none",
            timm_version="none",
            image_size=height if height == width else (height, width),
            channels=channels,
            crop="squash 1.0",
            interpolation="bicubic",
            mean=(),
            std=(),
            precision="float32",
            n_layers=1,
            n_features=channels * height * width,
            has_patch_mean=False,
        )
        self.device = device

    def encode(self, batch: Tensor) -> Tokens:
        """Gives each image mean 0 and standard deviation 1 over its own values.

        Args:
            batch: uint8 [B, channels, H, W].

        Returns:
            ``cls`` [B, 1, channels * H * W]; zeros for an image of one colour.
        """
        pixels = batch.to(self.device).flatten(1).float() / 255
        std, mean = torch.std_mean(pixels, dim=1, correction=0, keepdim=True)
        varies = pixels.amax(dim=1, keepdim=True) > pixels.amin(dim=1, keepdim=True)
        standardised = torch.where(varies, (pixels - mean) / std, 0.0)
        return Tokens(cls=standardised.unsqueeze(1), patch_mean=None)


def build_pixels(
    _: str, *, image_size: ImageSize, channels: int, device: str, **unused: object
) -> PixelsBackbone:
    """Builds the only one of its family; it has neither weights nor a precision."""
    return PixelsBackbone(image_size=image_size, channels=channels, device=device)
