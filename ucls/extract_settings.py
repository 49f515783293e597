"""Which backbone a source gets, and the settings of its extraction."""

import os

from ucls.config import ExtractConfig
from ucls.datasets import DATASETS, FeatureArray, Source
from ucls.errors import UsageError

DEFAULT_BACKBONE = "vit_base_patch14_reg4_dinov2.lvd142m"


def resolve_extract(config: ExtractConfig, source: Source) -> ExtractConfig:
    """Fills in what the settings leave open, by what the source is.

    Args:
        config: with None where the setting should fit the source.
        source: what will be extracted.

    Returns:
        A copy with backbone and workers set, and image size and channels too unless the source
        is a feature file, which has neither.

    Raises:
        UsageError: if the settings ask for something that the source cannot give.
    """
    images = source.splits["train"]
    if isinstance(images, FeatureArray):
        if config.backbone not in (None, "features"):
            raise UsageError(
                f"{source.name} is a feature file and has no images for backbone "
                f"{config.backbone}: leave the backbone out"
            )
        return config.model_copy(update={"backbone": "features", "workers": 0})
    if config.backbone == "features":
        raise UsageError(
            f"backbone features needs a feature file, but {source.name} holds images: "
            "leave the backbone out, or give another one"
        )
    known = DATASETS.get(source.name) if source.kind == "dataset" else None
    backbone = config.backbone or (known.backbone if known else DEFAULT_BACKBONE)
    size, channels = (images.native or (32, 3)) if backbone == "pixels" else (224, 3)
    workers = min(os.cpu_count() or 1, 8) if config.workers is None else config.workers
    return config.model_copy(
        update={
            "backbone": backbone,
            "image_size": config.image_size or size,
            "channels": config.channels or channels,
            "workers": workers,
        }
    )
