"""A backbone by its name."""

from ucls.backbones.names import canonical_name
from ucls.backbones.pixels import PixelsBackbone
from ucls.backbones.protocol import Backbone, ImageSize, Precision
from ucls.errors import UsageError


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
            :func:`ucls.backbones.names.canonical_name`.
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
    from ucls.backbones.vit import build_vit

    return build_vit(
        name, image_size=image_size, weights=weights, device=device, precision=precision
    )
