"""From what was asked for and what was extracted to the settings of a run."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from ucls.backbones.names import canonical_name
from ucls.cache import RunFolder
from ucls.ensemble.heads_as_text import parse_heads
from ucls.errors import UsageError
from ucls.feature_sets import FeaturePart, format_features, parse_features
from ucls.runs.features import Classes
from ucls.settings.config import Config, ExtractConfig, required
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.types import Effort
from ucls.wording import count


class ExtractedData(BaseModel):
    """What extraction found out; kept in ``run.json``."""

    n_images: int
    n_classes: int | None
    widths: dict[str, dict[str, int]]
    """Backbone to feature set to number of columns."""
    extractions: dict[str, ExtractConfig]
    """Backbone to the settings of its extraction."""
    device: str
    fast_precision: str
    caches: dict[str, dict[str, str]]
    """Split to backbone to feature cache."""
    classes: Classes
    """How the dataset sees the classes of its image set."""
    cache_key: str
    """Digest of what identifies these caches."""
    weights_hashes: dict[str, str]
    """Of each backbone, which ``predict`` has to find again."""
    n_views: int = 1
    """Views that the caches hold, the plain one included."""
    effort: Effort = "normal"
    """What was found to fit the time limit, if there was one."""
    time_limit: str | None = None
    """That limit."""
    n_suggested: int | None = None
    """Clusters that the features speak for, where no number was given and no classes are known."""
    suggested_apart: tuple[str, ...] = ()
    """Keys of the clusterings that those are apart from."""
    labels_key: str | None
    """Digest of the labels; None if they are not to be used."""


def read_extracted(folder: RunFolder) -> ExtractedData:
    """What the extraction of a run found out.

    Raises:
        UsageError: if another version of UCLS wrote it.
    """
    try:
        return ExtractedData.model_validate(folder.record["data"])
    except ValidationError as error:
        raise UsageError(
            f"{folder.path} was made by another version of UCLS: "
            "run the same `ucls run` with --overwrite"
        ) from error


def refuse_late_settings(settings: Mapping[str, Any]) -> None:
    """Refuses what comes too late for a run whose features are extracted.

    Raises:
        UsageError: naming the settings that come too late.
    """
    late = [name for name in settings if name.split(".")[0] == "extract"]
    if late:
        raise UsageError(
            f"{', '.join(late)} would change the features, which are extracted already; "
            "give it to `ucls run` or `ucls extract` with another --out"
        )
    if "time_limit" in settings:
        raise UsageError(
            "time_limit would come too late, as it is for a whole run: give it to `ucls run`, or "
            "choose the effort"
        )


def resolve(requested: Config, data: ExtractedData) -> Config:
    """Fits the requested settings to the extracted data.

    Raises:
        UsageError: if the number of clusters is not known or does not fit, or the features
            asked for are not in the cache.
    """
    features = fitting_features(requested.features, data)
    # Clusters apart from known ones are not the classes, of which there may be more or fewer.
    n_known = requested.n_clusters or (None if requested.neighbors.apart_from else data.n_classes)
    n_clusters = check_n_clusters(n_known or required(data.n_suggested), data.n_images)
    backbone = ",".join(data.extractions)
    facts = DataFacts(
        n_images=data.n_images,
        n_features=feature_width(features, data),
        n_spaces=len(feature_widths(features, data)),
        n_clusters=n_clusters,
        backbone=backbone,
        effort=data.effort,
        device="cuda" if data.device.startswith("cuda") else "cpu",
        fast_precision="bfloat16" if data.fast_precision == "bfloat16" else "float32",
    )
    known: dict[str, Any] = {"features": features}
    if len(data.extractions) == 1:
        known["extract"] = data.extractions[backbone].model_dump()
    config = autoconfigure(requested.with_values(known), facts)
    check_fit(config, data.n_images)
    check_views(config, data.n_views)
    if requested.train.sinkhorn_iterations is not None and config.train.prior == "none":
        raise UsageError(
            "train.sinkhorn_iterations has no part where train.prior is none: leave it out, or set "
            "train.prior to uniform or soft"
        )
    return config


def fitting_features(requested: str | None, data: ExtractedData) -> str:
    """The features asked for, with the names of backbones as they are kept.

    Raises:
        UsageError: if they are not in the cache.
    """
    first, *others = data.widths
    if requested is None:
        wanted = ("cls+patch", "cls+fg", "cls")
        return next(name for name in wanted if name in data.widths[first])
    parts = [
        FeaturePart(name, canonical_name(backbone) if backbone else (first if others else None))
        for name, backbone in parse_features(requested)
    ]
    for part in parts:
        if part.backbone is not None and part.backbone not in data.widths:
            raise UsageError(
                f"features of {part.backbone} were asked for, but those that are extracted come "
                f"from {', '.join(data.widths)}; choose one of these, or start another run"
            )
        available = data.widths[part.backbone or first]
        if part.feature_set not in available:
            raise UsageError(
                f"features {part.feature_set!r} were asked for, but the cache of "
                f"{part.backbone or first} holds {', '.join(available)}; choose one of these"
            )
    return format_features(parts)


def feature_width(features: str, data: ExtractedData) -> int:
    """D, the columns of the features."""
    return sum(feature_widths(features, data))


def feature_widths(features: str, data: ExtractedData) -> list[int]:
    """The columns of each feature space: one for every backbone."""
    first = next(iter(data.widths))
    parts = parse_features(features)
    return [data.widths[part.backbone or first][part.feature_set] for part in parts]


def check_n_clusters(n_clusters: int, n_images: int) -> int:
    """The number of clusters, which must fit the images.

    Raises:
        UsageError: if it is below two, or above the number of images.
    """
    if n_clusters < 2:
        raise UsageError(
            f"the labels know only {n_clusters} class, but clusters are two or more; pass -k NUMBER"
        )
    if n_clusters > n_images:
        raise UsageError(
            f"{n_clusters} clusters were asked for of only {count(n_images, 'image')}; "
            f"{'pass a smaller -k' if n_images > 1 else 'give more images'}"
        )
    return n_clusters


def check_min_size(config: Config, n_images: int) -> None:
    """Refuses clusters of so many images that not even two of them fit.

    Raises:
        UsageError: if it is more than half of the images.
    """
    least = config.merge.min_cluster_size
    if 2 * least > n_images:
        raise UsageError(
            f"{count(n_images, 'image')} make no two clusters of at least {least} images: pass a "
            f"--min-size (merge.min_cluster_size) of {n_images // 2} or less"
        )


def check_fit(config: Config, n_images: int) -> None:
    """Finds settings that cannot work before anything long is started.

    Raises:
        UsageError: if there are not as many images, neighbours or heads as asked for.
    """
    check_min_size(config, n_images)
    if required(config.neighbors.k) >= n_images:
        raise UsageError(
            f"neighbors.k must be between 1 and {n_images - 1} for {n_images:,} images, "
            f"but it is {config.neighbors.k}; choose a smaller k"
        )
    n_heads = required(config.train.n_heads) * len(required(config.train.scales))
    parse_heads(required(config.ensemble.heads), n_heads)
    if config.merge.linkage == "none" and 1 not in required(config.train.scales):
        raise UsageError(
            f"train.scales is {list(required(config.train.scales))} and merge.linkage is none, so "
            "no head would have as many clusters as asked for; add 1 to train.scales, or let "
            "clusters be merged"
        )


def check_views(config: Config, n_views: int) -> None:
    """Finds out before the training that there are no augmented views to train with.

    Raises:
        UsageError: if the caches hold none.
    """
    if config.train.views in ("augmented", "both") and n_views == 1:
        raise UsageError(
            f"train.views is {config.train.views}, but no augmented views are cached; extract them "
            "with --views 2, or choose train.views=neighbor"
        )
