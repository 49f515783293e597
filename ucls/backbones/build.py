"""A backbone by its name."""

from ucls.backbones.families import family_of
from ucls.backbones.names import canonical_name
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
        weights: a .safetensors file or a PyTorch checkpoint, as it was released or as timm,
            transformers or OpenCLIP save it; ``random`` for untrained weights; None takes those of
            the hub, from its cache or downloaded.
        device: where the forward pass runs.
        precision: of the forward pass; ``pixels`` is always float32.

    Raises:
        UsageError: if the name, the size, the channels or the weights do not fit.
        UclsError: if there are no weights to be had.
    """
    name = canonical_name(name)
    family = family_of(name)
    if weights is not None and not family.has_weights:
        raise UsageError(f"backbone {name} takes no weights, got {weights}: leave them out")
    if channels not in family.channels:
        raise UsageError(
            f"backbone {name} takes {' or '.join(map(str, family.channels))} channels, "
            f"got {channels}: leave channels out"
        )
    return family(
        name,
        image_size=image_size,
        channels=channels,
        weights=weights,
        device=device,
        precision=precision,
    )
