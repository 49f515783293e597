"""What extraction knows of a backbone: which tokens of a picture become features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

Precision = Literal["float32", "bfloat16", "float16"]
ImageSize = int | tuple[int, int]
Preprocess = Callable[["Image.Image"], "Tensor"]


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
        is_plain: bool [B], whether nothing or all of an image stands out, so that all patches count
            as its foreground; None where all always do.
    """

    cls: "Tensor"
    patch_mean: "Tensor | None"
    is_plain: "Tensor | None" = None


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

    def encode(self, batch: "Tensor") -> Tokens:
        """Turns preprocessed images, uint8 [B, channels, H, W] on any device, into tokens."""


def spatial_size(image_size: ImageSize) -> tuple[int, int]:
    """Returns height and width of an image size."""
    return (image_size, image_size) if isinstance(image_size, int) else image_size
