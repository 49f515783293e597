"""Backbones: how a picture becomes a tensor, and which tokens of it become features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from PIL import Image
from torch import Tensor

from ucls.errors import UsageError

Precision = Literal["float32", "bfloat16", "float16"]
Preprocess = Callable[[Image.Image], Tensor]


@dataclass(frozen=True)
class BackboneSpec:
    """All that decides what features come out; two equal specs give equal features.

    Attributes:
        name: ``pixels``, or the name of a timm model.
        weights_hash: sha256 over the weights as hexadecimal digits; ``none`` without weights.
        timm_version: the version that built the model; ``none`` for ``pixels``.
        image_size: pixels per side of what the backbone sees.
        channels: 1 for grey, 3 for colour.
        crop: how a picture is made square, as timm's crop mode and share: ``center 0.9``.
        interpolation: the filter of the resizing.
        mean: subtracted per channel; empty where each image is standardised by itself.
        std: divided by per channel; empty where each image is standardised by itself.
        dtype: the precision of the forward pass.
        n_layers: L, the number of class tokens per image.
        n_features: D, the width of a token.
        has_patch_mean: whether there is a mean patch token.
    """

    name: str
    weights_hash: str
    timm_version: str
    image_size: int
    channels: int
    crop: str
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: str
    n_layers: int
    n_features: int
    has_patch_mean: bool


@dataclass(frozen=True)
class Tokens:
    """What a backbone makes of a batch.

    Attributes:
        cls: float32 [B, L, D], the class token after each of the last L blocks, earliest first.
        patch_mean: float32 [B, D], the mean patch token of the last block, or None.
    """

    cls: Tensor
    patch_mean: Tensor | None


class Backbone(Protocol):
    """What extraction needs of a backbone.

    ``preprocess`` turns a PIL image of mode ``RGB`` or ``L`` into a float32 tensor
    [channels, S, S]. It can be pickled and does not hold the model, so that worker processes
    can run it.
    """

    @property
    def spec(self) -> BackboneSpec:
        """What decides the features."""

    @property
    def preprocess(self) -> Preprocess:
        """Turns an image into a tensor [channels, S, S]."""

    @property
    def device(self) -> str:
        """Where the forward pass runs, such as ``cpu`` or ``cuda:0``."""

    def encode(self, batch: Tensor) -> Tokens:
        """Turns preprocessed images [B, channels, S, S], on any device, into tokens."""


@dataclass(frozen=True)
class PixelsPreprocess:
    """Squashes a picture to ``image_size`` squared; values in 0..1."""

    image_size: int
    channels: int

    def __call__(self, image: Image.Image) -> Tensor:
        """Returns float32 [channels, S, S]."""
        size = (self.image_size, self.image_size)
        # Pillow's bicubic filter widens when it shrinks a picture, which is its antialiasing.
        picture = image.convert("L" if self.channels == 1 else "RGB")
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
        return values.view(*size, self.channels).permute(2, 0, 1).float() / 255


class PixelsBackbone:
    """The pixels themselves, standardised per image: a baseline that needs no weights."""

    def __init__(self, *, image_size: int, channels: int, device: str = "cpu") -> None:
        self.preprocess: Preprocess = PixelsPreprocess(image_size, channels)
        self.spec = BackboneSpec(
            name="pixels",
            weights_hash="none",
            timm_version="none",
            image_size=image_size,
            channels=channels,
            crop="squash 1.0",
            interpolation="bicubic",
            mean=(),
            std=(),
            dtype="float32",
            n_layers=1,
            n_features=channels * image_size * image_size,
            has_patch_mean=False,
        )
        self.device = device

    def encode(self, batch: Tensor) -> Tokens:
        """Gives each image mean 0 and standard deviation 1 over its own values.

        Args:
            batch: float32 [B, channels, S, S].

        Returns:
            ``cls`` [B, 1, channels * S * S]; zeros for an image of one colour.
        """
        pixels = batch.to(self.device, torch.float32).flatten(1)
        std, mean = torch.std_mean(pixels, dim=1, correction=0, keepdim=True)
        varies = pixels.amax(dim=1, keepdim=True) > pixels.amin(dim=1, keepdim=True)
        standardised = torch.where(varies, (pixels - mean) / std, 0.0)
        return Tokens(cls=standardised.unsqueeze(1), patch_mean=None)


def build_backbone(
    name: str,
    *,
    image_size: int,
    channels: int = 3,
    weights: str | None = None,
    device: str = "cpu",
    dtype: Precision = "float32",
) -> Backbone:
    """Builds a frozen backbone.

    Args:
        name: ``pixels`` or a timm ViT.
        image_size: pixels per side; for a ViT a multiple of its patch size.
        channels: 1 or 3; a ViT takes 3.
        weights: a .safetensors file; None takes timm's hub cache, or downloads.
        device: where the forward pass runs.
        dtype: precision of the forward pass; ``pixels`` is always float32.

    Raises:
        UsageError: if the name, the size, the channels or the weights file do not fit.
        UclsError: if there are no weights to be had.
    """
    if name == "pixels":
        if weights is not None:
            raise UsageError(f"backbone pixels takes no weights, got {weights}: leave them out")
        return PixelsBackbone(image_size=image_size, channels=channels, device=device)
    if channels != 3:
        raise UsageError(f"backbone {name} takes 3 channels, got {channels}: leave channels out")
    from ucls.vit import build_vit

    return build_vit(name, image_size=image_size, weights=weights, device=device, dtype=dtype)
