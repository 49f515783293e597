"""Backbones: how a picture becomes a tensor, and which tokens of it become features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from PIL import Image
from torch import Tensor

from ucls.backbone_names import canonical_name
from ucls.errors import UsageError

Precision = Literal["float32", "bfloat16", "float16"]
ImageSize = int | tuple[int, int]
Preprocess = Callable[[Image.Image], Tensor]


@dataclass(frozen=True)
class BackboneSpec:
    """All that decides what features come out; two equal specs give equal features.

    Attributes:
        name: ``pixels``, a short name or the name of a timm model; ``-untrained`` at its end
            marks random weights.
        weights_hash: sha256 over the weights as hexadecimal digits; ``none`` without weights.
        timm_version: the version that built the model; ``none`` for ``pixels``.
        image_size: pixels per side of what the backbone sees; (height, width) unless square.
        channels: 1 for grey, 3 for colour.
        crop: how a picture is made square, as timm's crop mode and share: ``center 0.9``.
        interpolation: the filter of the resizing.
        mean: subtracted per channel; empty where each image is standardised by itself.
        std: divided by per channel; empty where each image is standardised by itself.
        precision: of the forward pass.
        n_layers: L, the number of class tokens per image.
        n_features: D, the width of a token.
        has_patch_mean: whether there is a mean patch token.
    """

    name: str
    weights_hash: str
    timm_version: str
    image_size: ImageSize
    channels: int
    crop: str
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    precision: str
    n_layers: int
    n_features: int
    has_patch_mean: bool


@dataclass(frozen=True)
class Tokens:
    """What a backbone makes of a batch.

    Attributes:
        cls: float32 [B, L, D], the class token after each of the last L blocks, earliest first;
            of a model without one, the pooled token.
        patch_mean: float32 [B, D], the mean patch token of the last block, or None.
    """

    cls: Tensor
    patch_mean: Tensor | None


class Backbone(Protocol):
    """What extraction needs of a backbone.

    ``preprocess`` turns a PIL image of mode ``RGB`` or ``L`` into a uint8 tensor
    [channels, H, W]. It can be pickled and does not hold the model, so that worker processes
    can run it.
    """

    @property
    def spec(self) -> BackboneSpec:
        """What decides the features."""

    @property
    def preprocess(self) -> Preprocess:
        """Turns an image into a tensor uint8 [channels, H, W]."""

    @property
    def device(self) -> str:
        """Where the forward pass runs, such as ``cpu`` or ``cuda:0``."""

    def encode(self, batch: Tensor) -> Tokens:
        """Turns preprocessed images, uint8 [B, channels, H, W] on any device, into tokens."""


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


def spatial_size(image_size: ImageSize) -> tuple[int, int]:
    """Returns height and width of an image size."""
    return (image_size, image_size) if isinstance(image_size, int) else image_size


def build_backbone(
    name: str,
    *,
    image_size: ImageSize,
    channels: int = 3,
    weights: str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
) -> Backbone:
    """Builds a frozen backbone.

    Args:
        name: ``pixels``, a short name, or a timm ViT; see
            :func:`ucls.backbone_names.canonical_name`.
        image_size: pixels per side, or (height, width); for a ViT multiples of its patch size.
        channels: 1 or 3; a ViT takes 3.
        weights: a .safetensors file or an original .pth checkpoint; ``random`` for untrained
            weights; None takes those of the hub, from its cache or downloaded.
        device: where the forward pass runs.
        precision: of the forward pass; ``pixels`` is always float32.

    Raises:
        UsageError: if the name, the size, the channels or the weights do not fit.
        UclsError: if there are no weights to be had.
    """
    if name == "pixels":
        if weights is not None:
            raise UsageError(f"backbone pixels takes no weights, got {weights}: leave them out")
        return PixelsBackbone(image_size=image_size, channels=channels, device=device)
    name = canonical_name(name)
    if channels != 3:
        raise UsageError(f"backbone {name} takes 3 channels, got {channels}: leave channels out")
    from ucls.vit import build_vit

    return build_vit(
        name, image_size=image_size, weights=weights, device=device, precision=precision
    )
