"""Which backbones a source gets, and the settings of each extraction."""

import os
from collections.abc import Mapping
from pathlib import Path

from ucls.backbone_names import BACKBONES, canonical_name
from ucls.config import Config, ExtractConfig
from ucls.datasets import DATASETS
from ucls.errors import UsageError
from ucls.feature_files import FeatureArray
from ucls.feature_sets import parse_features
from ucls.image_sets import ImageSet
from ucls.sources import Source

DEFAULT_BACKBONE = "dinov2_vitb14_reg4"
RANDOM_WEIGHTS = "random"
IMAGE_SIZE = 224
PIXELS_IMAGE_SIZE = 32
MOST_WORKERS = 16


def resolve_extractions(config: Config, source: Source) -> dict[str, ExtractConfig]:
    """Fills in what the settings leave open, by what the source is.

    Args:
        config: with None where the setting should fit the source. Its ``features`` may name
            several backbones.
        source: what will be extracted.

    Returns:
        For each backbone the settings of its extraction: name, weights and workers are set, and
        image size and channels too unless the source is a feature file, which has neither.

    Raises:
        UsageError: if the settings ask for something that the source cannot give.
    """
    images = source.splits["train"]
    if isinstance(images, FeatureArray):
        return {"features": _features_as_they_are(config, source)}
    names = backbones_of(config, source)
    if "features" in names:
        raise UsageError(
            f"backbone features needs a feature file, but {source.name} holds images: "
            "leave the backbone out, or give another one"
        )
    weights = assign_weights(config.extract.weights, names)
    return {
        name: _resolve(config.extract, name, images=images, weights=weights.get(name))
        for name in names
    }


def backbones_of(config: Config, source: Source) -> list[str]:
    """The canonical names of the backbones that the settings ask for.

    The one of features without a name comes first, then the others in their order.
    """
    known = DATASETS.get(source.name) if source.kind == "dataset" else None
    default = config.extract.backbone or (known and known.backbone) or DEFAULT_BACKBONE
    named = [part.backbone for part in parse_features(config.features or "cls")]
    names = [default, *filter(None, named)] if None in named else filter(None, named)
    return list(dict.fromkeys(map(canonical_name, names)))


def assign_weights(given: tuple[str, ...], names: list[str]) -> dict[str, str]:
    """Finds out which weights belong to which backbone.

    Args:
        given: files, ``NAME=FILE`` for one of several backbones, or ``random`` for all others.
        names: canonical names of the backbones.

    Returns:
        Backbone to the absolute path of its weights, or to ``random``; backbones whose weights
        are on the hub are left out.

    Raises:
        UsageError: if it is not clear which backbone is meant, or there is none of that name.
    """
    assigned: dict[str, str] = {}
    by_default: dict[str, str] = {}
    for text in given:
        name, weights = _split_name(text)
        if name is None and weights == RANDOM_WEIGHTS:
            models = [name for name in names if name != "pixels"] or names
            by_default = dict.fromkeys(models, RANDOM_WEIGHTS)
            continue
        if name is None and len(names) > 1:
            raise UsageError(
                f"the features come from {len(names)} backbones, so say whose weights {weights} "
                f"holds: --weights {names[0]}={weights}"
            )
        owner = names[0] if name is None else canonical_name(name)
        if owner not in names:
            raise UsageError(
                f"weights were given for backbone {owner}, but the features come from "
                f"{', '.join(names)}"
            )
        if owner in assigned:
            raise UsageError(
                f"backbone {owner} was given two weights, {assigned[owner]} and {weights}: "
                "leave one out"
            )
        assigned[owner] = weights
    return by_default | assigned


def _split_name(text: str) -> tuple[str | None, str]:
    """``NAME=FILE`` to both; a file may have an equals sign in its own path."""
    name, equals, path = text.partition("=")
    if not equals or "/" in name.removeprefix("timm/") or Path(text).expanduser().exists():
        name, path = "", text
    is_random = path == RANDOM_WEIGHTS
    return name or None, path if is_random else str(Path(path).expanduser().resolve())


def _features_as_they_are(config: Config, source: Source) -> ExtractConfig:
    named = {part.backbone for part in parse_features(config.features or "cls")} - {None}
    wanted = config.extract.backbone or next(iter(named), None)
    if wanted not in (None, "features"):
        raise UsageError(
            f"{source.name} is a feature file and has no images for backbone {wanted}: "
            "leave the backbone out"
        )
    for name in ("weights", "image_size", "channels", "precision", "views"):
        if value := getattr(config.extract, name):
            raise UsageError(
                f"{source.name} is a feature file and has no images, so extract.{name} has no "
                f"meaning for it, but it is {value!r}: leave it out"
            )
    return config.extract.model_copy(update={"backbone": "features", "workers": 0})


def _resolve(
    config: ExtractConfig, name: str, *, images: ImageSet, weights: str | None
) -> ExtractConfig:
    size, channels = default_size(name, images)
    workers = min(os.cpu_count() or 1, MOST_WORKERS) if config.workers is None else config.workers
    return config.model_copy(
        update={
            "backbone": name,
            "weights": () if weights is None else (weights,),
            "image_size": _simplest(config.image_size or size),
            "channels": config.channels or channels,
            "workers": workers,
        }
    )


def _simplest(size: int | tuple[int, int]) -> int | tuple[int, int]:
    """One number for a square, so that it has one cache."""
    return size[0] if isinstance(size, tuple) and size[0] == size[1] else size


def default_size(name: str, images: ImageSet) -> tuple[int, int]:
    """Pixels per side and channels that a backbone gets of these images."""
    if name == "pixels":
        return images.native or (PIXELS_IMAGE_SIZE, 3)
    return (BACKBONES[name].image_size if name in BACKBONES else IMAGE_SIZE), 3


def cached_name(config: ExtractConfig) -> str:
    """The backbone as its cache is named: untrained ones can never be taken for trained ones."""
    suffix = "-untrained" if is_untrained(config) else ""
    return f"{config.backbone}{suffix}"


def is_untrained(config: ExtractConfig) -> bool:
    """Whether the backbone has random weights."""
    return config.weights == (RANDOM_WEIGHTS,)


def untrained(extractions: Mapping[str, ExtractConfig]) -> list[str]:
    """The backbones that have random weights."""
    return [name for name, config in extractions.items() if is_untrained(config)]
