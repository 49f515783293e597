"""What a feature cache has to be: the settings of an extraction, and of its backbone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ucls.backbones.families import family_of
from ucls.backbones.names import RANDOM_WEIGHTS
from ucls.cache import FeatureCache, FeatureSpec
from ucls.errors import MismatchError, UclsError
from ucls.extraction.same_images import check_same_images
from ucls.images.feature_files import FeatureArray
from ucls.images.sets import ImageSet
from ucls.settings.config import ExtractConfig
from ucls.settings.extraction import cached_name, is_untrained

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone

Images = ImageSet | FeatureArray

MODEL_FIELDS = (
    "weights_hash", "timm_version", "crop", "interpolation", "mean", "std", "n_layers",
    "n_features", "has_patch_mean", "precision",
)  # fmt: skip


def check_cache(
    path: Path, images: Images, config: ExtractConfig, *, build: Callable[[str], "Backbone | None"]
) -> None:
    """Compares a cache with what would be extracted now.

    Without a weights file of the user's own, the model's name stands for the model, so that
    cached features can be used where the weights cannot be had. Features of another timm or
    in another precision than the one this device would take are as good, and so is a cache
    with more views than asked for.

    Args:
        path: of the cache.
        images: whose features it shall hold.
        config: how they are extracted now.
        build: the backbone, at a precision; asked for only where a file of weights was given.

    Raises:
        MismatchError: if it was made with other settings.
        OtherImagesError: if it is of other images.
        UclsError: if it lacks images that could not be read, and none may be missing.
    """
    with FeatureCache(path) as cache:
        cached, skipped = cache.spec, cache.skipped
        weights_of_cache = cache.provenance.get("weights")
    has_file = bool(config.weights) and not is_untrained(config)
    if weights_of_cache not in (None, RANDOM_WEIGHTS) and not has_file:
        raise MismatchError(
            f"{path} was made with the weights in {weights_of_cache}, but now those of the hub "
            "were asked for; pass --weights, or --overwrite, or another --cache-dir"
        )
    backbone = build(cached.precision) if has_file else None
    expected = expected_spec(config, images, backbone)
    like_there = ["timm_version", "precision"] if has_file else list(MODEL_FIELDS)
    if cached.n_views < expected.n_views:
        raise MismatchError(
            f"{path} holds {cached.n_views - 1} augmented views of each image, "
            f"{expected.n_views - 1} were asked for; pass --overwrite to extract all anew"
        )
    like_there.append("n_views")
    same = {name: getattr(cached, name) for name in like_there}
    if config.precision is not None and family_of(cached.backbone).has_weights:
        same["precision"] = config.precision
    same["fingerprint"] = cached.fingerprint
    with FeatureCache(path, expected=replace(expected, **same)) as cache:
        check_same_images(cache, images)
    if config.strict and skipped:
        raise UclsError(
            f"{path} was made without {len(skipped)} unreadable images, such as "
            f"{skipped[0][0]} ({skipped[0][1]}); repair them and pass --overwrite, or leave "
            "out --strict"
        )


def identity(config: ExtractConfig, images: Images) -> FeatureSpec:
    """The spec as far as it is known without building the model."""
    is_array = isinstance(images, FeatureArray)
    return FeatureSpec(
        dataset=images.name,
        split=images.split,
        fingerprint=images.fingerprint,
        backbone=cached_name(config),
        weights_hash="none",
        timm_version="none",
        image_size=config.image_size or 0,
        channels=config.channels or 0,
        crop="none",
        interpolation="none",
        mean=(),
        std=(),
        # The scale of a user's own features is not known; float16 might not hold them.
        dtype="float32" if is_array else "float16",
        n_layers=1,
        n_features=images.features.shape[1] if isinstance(images, FeatureArray) else 1,
        has_patch_mean=False,
        n_views=1 + _n_augmented(config, images),
    )


def _n_augmented(config: ExtractConfig, images: Images) -> int:
    """Only training compares views."""
    is_trained_on = isinstance(images, ImageSet) and images.split == "train"
    return config.views if is_trained_on else 0


def expected_spec(
    config: ExtractConfig, images: Images, backbone: "Backbone | None"
) -> FeatureSpec:
    """The spec of a cache that is made now; without a backbone, as far as it is known."""
    known = identity(config, images)
    if backbone is None:
        return known
    return replace(known, **{name: getattr(backbone.spec, name) for name in MODEL_FIELDS})
