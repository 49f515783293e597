"""Which backbones a source gets, and the settings of each extraction."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ucls.backbones.families import family_of
from ucls.backbones.local import find_local
from ucls.backbones.names import RANDOM_WEIGHTS, UNTRAINED, canonical_name
from ucls.cache import FOREGROUND
from ucls.datasets import DATASETS
from ucls.errors import UsageError
from ucls.feature_sets import parse_features
from ucls.images.feature_files import FeatureArray
from ucls.images.sets import ImageSet
from ucls.machine import count_cores, processes_here
from ucls.settings.config import Config, ExtractConfig
from ucls.sources import Source

DEFAULT_BACKBONE = "dinov2_vitb14_reg4"
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
    config = config.model_copy(update={"extract": _with_local(config.extract)})
    names = backbones_of(config, source)
    if "features" in names:
        raise UsageError(
            f"backbone features needs a feature file, but {source.name} holds images: "
            "leave the backbone out, or give another one"
        )
    _check_tokens(config, names)
    of_foreground = _of_foreground(config, names)
    weights = assign_weights(config.extract.weights, names)
    return {
        name: _resolve(
            config.extract,
            name,
            images=images,
            weights=weights.get(name),
            is_alone=len(names) == 1,
            is_of_foreground=name in of_foreground,
        )
        for name in names
    }


def _of_foreground(config: Config, names: list[str]) -> set[str]:
    """The backbones whose patches are averaged over the foreground.

    Raises:
        UsageError: if all patches of one of them are asked for too.
    """
    sets: dict[str, set[str]] = {}
    for part in parse_features(config.features or "cls"):
        name = canonical_name(part.backbone) if part.backbone else names[0]
        sets.setdefault(name, set()).add(part.feature_set.rpartition("+")[2])
    for name, kinds in sets.items():
        if {"fg", "patch"} <= kinds:
            raise UsageError(
                f"the patches of {name} were asked for as those of the foreground and as all of "
                f"them: name the former {name}{FOREGROUND}, as in "
                f"--features cls+patch@{name},fg@{name}{FOREGROUND}"
            )
    return {name for name, kinds in sets.items() if "fg" in kinds}


def _with_local(config: ExtractConfig) -> ExtractConfig:
    """Names a backbone that is given by where it lies, be it as backbone or as weights alone."""
    if config.backbone is not None:
        local = find_local(config.backbone)
        weights = (*config.weights, f"{local.name}={local.weights}") if local else ()
    else:
        local = find_local(config.weights[0]) if len(config.weights) == 1 else None
        weights = config.weights
    if local is None:
        return config
    return config.model_copy(update={"backbone": local.name, "weights": weights})


def _check_tokens(config: Config, names: list[str]) -> None:
    """Pixels are one vector per image; it is known before anything is extracted."""
    for part in parse_features(config.features or "cls"):
        name = canonical_name(part.backbone) if part.backbone else names[0]
        if family_of(name).gives_one_vector and part.feature_set != "cls":
            raise UsageError(
                f"features {part.feature_set!r} were asked for, but backbone {name} gives one "
                "vector per image, 'cls'; pass --features cls, or another backbone"
            )


def backbones_of(config: Config, source: Source) -> list[str]:
    """The canonical names of the backbones that the settings ask for.

    The one of features without a name comes first, then the others in their order.
    """
    known = DATASETS.get(source.name) if source.kind == "dataset" else None
    default = config.extract.backbone or (known and known.backbone) or DEFAULT_BACKBONE
    named = [part.backbone for part in parse_features(config.features or "cls")]
    names = [default, *filter(None, named)] if None in named else filter(None, named)
    return list(dict.fromkeys(map(canonical_name, names)))


def with_weights(
    extractions: Mapping[str, ExtractConfig], weights: Sequence[str]
) -> dict[str, ExtractConfig]:
    """The settings of a run's extractions, with other places of their weights.

    Args:
        extractions: by backbone.
        weights: as :func:`assign_weights` takes them.

    Raises:
        UsageError: as :func:`assign_weights` has it.
    """
    moved = assign_weights(tuple(weights), list(extractions))
    return {
        name: config.model_copy(update={"weights": (moved[name],)}) if name in moved else config
        for name, config in extractions.items()
    }


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
            models = [name for name in names if family_of(name).has_weights] or names
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
    if not equals or "/" in canonical_name(name) or Path(text).expanduser().exists():
        name, path = "", text
    if not path.strip():
        raise UsageError(
            f"expected a file with weights or {RANDOM_WEIGHTS}, got {text!r}: leave --weights out "
            "to take those of the hub"
        )
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
    config: ExtractConfig,
    name: str,
    *,
    images: ImageSet,
    weights: str | None,
    is_alone: bool,
    is_of_foreground: bool,
) -> ExtractConfig:
    family = family_of(name)
    if config.channels is not None and config.channels not in family.channels:
        raise UsageError(
            f"backbone {name} takes {' or '.join(map(str, family.channels))} channels, got "
            f"{config.channels}: leave extract.channels out"
        )
    if config.precision not in (None, "float32") and not family.is_torch:
        raise UsageError(
            f"backbone {name} has the precision that its file was saved with, got "
            f"{config.precision}: leave extract.precision out"
        )
    size, channels = default_size(name, images, weights)
    keeps_size = family.takes_native and not is_alone
    asked_size = None if keeps_size else config.image_size
    return config.model_copy(
        update={
            "backbone": f"{name.removesuffix(FOREGROUND)}{FOREGROUND}"
            if is_of_foreground
            else name,
            "weights": () if weights is None else (weights,),
            "image_size": _simplest(asked_size or size),
            "channels": config.channels or channels,
            "workers": fitting_workers() if config.workers is None else config.workers,
        }
    )


def fitting_workers() -> int:
    """Processes that decode images for this one: its share of the cores, up to sixteen."""
    return max(1, min(count_cores() // processes_here(), MOST_WORKERS))


def _simplest(size: int | tuple[int, int]) -> int | tuple[int, int]:
    """One number for a square, so that it has one cache."""
    return size[0] if isinstance(size, tuple) and size[0] == size[1] else size


def default_size(
    name: str, images: ImageSet, weights: str | None = None
) -> tuple[int | tuple[int, int], int]:
    """Pixels per side and channels that a backbone gets of these images."""
    family = family_of(name)
    if family.takes_native and images.native:
        return images.native
    return family.default_size(name, weights), family.default_channels(weights)


def cached_name(config: ExtractConfig) -> str:
    """The backbone as its cache is named: untrained ones can never be taken for trained ones."""
    return f"{config.backbone}{UNTRAINED if is_untrained(config) else ''}"


def is_untrained(config: ExtractConfig) -> bool:
    """Whether the backbone has random weights."""
    return config.weights == (RANDOM_WEIGHTS,)
