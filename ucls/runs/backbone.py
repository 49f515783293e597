"""The backbone that the settings of a run describe."""

from typing import TYPE_CHECKING

from ucls.settings.config import ExtractConfig, required

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone


def backbone_of(config: ExtractConfig, device_name: str) -> "Backbone":
    """Builds the backbone that resolved settings describe.

    In half precision a GPU is several times faster, and float16 keeps more digits than bfloat16;
    the features are stored as float16 anyway.
    """
    from ucls.backbones.build import build_backbone
    from ucls.devices import resolve_device

    device = resolve_device(device_name)
    return build_backbone(
        required(config.backbone),
        image_size=config.image_size or 0,
        channels=required(config.channels),
        weights=next(iter(config.weights), None),
        device=str(device),
        precision=config.precision or ("float16" if device.type == "cuda" else "float32"),
    )
