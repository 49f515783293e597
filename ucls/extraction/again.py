"""Extracting a few images of a feature cache once more, to compare."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.backbones.names import UNTRAINED
from ucls.cache import FeatureCache
from ucls.errors import UclsError
from ucls.images.feature_files import FeatureArray
from ucls.images.sets import ImageSet

Images = ImageSet | FeatureArray


# What has to be equal for equal features; another timm may well give the same model.
_MODEL_FIELDS = (
    "weights_hash", "crop", "interpolation", "mean", "std", "n_layers", "n_features",
    "has_patch_mean",
)  # fmt: skip


def largest_difference(
    cache: FeatureCache, images: Images, rows: NDArray[np.int64], *, device: str = "auto"
) -> float:
    """Extracts images again and compares them with the cache, in all views.

    Args:
        cache: of the images.
        images: the image set that it was made of.
        rows: of the cache [n].
        device: ``auto``, ``cpu`` or ``cuda[:i]``.

    Returns:
        The largest absolute difference of two values, as a share of the largest absolute value
        of the cached vector they are in.

    Raises:
        UclsError: if there are no weights, or they are others than those of the cache.
        UnreadableImageError: if an image can be read no more.
    """
    feature_set = max(cache.feature_sets, key=cache.width)
    numbers = cache.image_numbers()[rows]
    if isinstance(images, FeatureArray):
        fresh = np.asarray(images.features[numbers], dtype=np.float32)[None]
    else:
        fresh = _extract(cache, images, numbers, feature_set=feature_set, device=device)
    cached = np.stack(
        [cache.read(feature_set, rows, view=view) for view in range(cache.n_views)]
    ).reshape(*fresh.shape[:2], -1, cache.n_features)
    fresh = fresh.reshape(cached.shape)
    largest = np.abs(cached).max(axis=-1, keepdims=True)
    return float((np.abs(fresh - cached) / np.maximum(largest, np.finfo(np.float32).tiny)).max())


def _extract(
    cache: FeatureCache,
    images: ImageSet,
    numbers: NDArray[np.int64],
    *,
    feature_set: str,
    device: str,
) -> NDArray[np.float32]:
    """Returns features [V, n, D']."""
    import torch

    from ucls.extraction.tokens import views_of

    backbone = _build(cache, device)
    views = views_of(backbone, cache.n_views - 1)
    pixels = torch.stack([views(images.read(int(n)), int(n)) for n in numbers], dim=1)
    return np.stack([_features(backbone.encode(view), feature_set) for view in pixels])


def _features(tokens: Any, feature_set: str) -> NDArray[np.float32]:
    """Returns features [n, D'] of one view."""
    from ucls.extraction.tokens import select_tokens

    patch_mean = None if tokens.patch_mean is None else tokens.patch_mean.cpu().numpy()
    return select_tokens(tokens.cls.cpu().numpy(), patch_mean, feature_set)


def _build(cache: FeatureCache, device: str) -> Any:
    from ucls.backbones.build import build_backbone
    from ucls.devices import resolve_device

    spec = cache.spec
    backbone = build_backbone(
        spec.backbone.removesuffix(UNTRAINED),
        image_size=spec.image_size,
        channels=spec.channels,
        weights=cache.provenance.get("weights"),
        device=str(resolve_device(device)),
        precision=spec.precision,
    )
    differences = [
        f"{name} is {getattr(spec, name)!r} there, {getattr(backbone.spec, name)!r} now"
        for name in _MODEL_FIELDS
        if getattr(spec, name) != getattr(backbone.spec, name)
    ]
    if differences:
        raise UclsError(f"the backbone is another one now: {'; '.join(differences)}")
    return backbone
