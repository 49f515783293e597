"""Stage ``extract``: images to feature caches."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ucls.cache import (
    FeatureCache,
    FeatureCacheWriter,
    FeatureSpec,
    cache_directory,
    cache_file_name,
)
from ucls.config import ExtractConfig
from ucls.datasets import FeatureArray, ImageSet, Source
from ucls.errors import UclsError
from ucls.image_sets import labels_from_folders
from ucls.progress import SILENT, Reporter

if TYPE_CHECKING:
    from ucls.backbones import Backbone
    from ucls.extraction import TokenBatch

Images = ImageSet | FeatureArray

MODEL_FIELDS = (
    "weights_hash", "timm_version", "crop", "interpolation", "mean", "std", "n_layers",
    "n_features", "has_patch_mean",
)  # fmt: skip


def extract(
    source: Source,
    config: ExtractConfig,
    *,
    cache_dir: str | Path | None = None,
    device: str = "auto",
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> dict[str, Path]:
    """Extracts every split of ``source`` that is not in the cache yet.

    Args:
        source: from :func:`ucls.datasets.load_source`.
        config: from :func:`ucls.extract_settings.resolve_extract`.
        cache_dir: of the feature caches; see :func:`ucls.cache.cache_directory`.
        device: ``auto``, ``cpu`` or ``cuda[:i]``.
        overwrite: replace caches that were made of other images or with other settings.
        reporter: shown what happens.

    Returns:
        The cache of each split.

    Raises:
        MismatchError: if a cache was made with other settings, unless ``overwrite``.
        UsageError: if the source or the settings are wrong.
        UclsError: if the weights cannot be had, the disk is full, or a worker fails.
    """
    folder = cache_directory(Path(cache_dir) if cache_dir else None)
    extraction = _Extraction(config, device, reporter)
    return {
        split: extraction.run(images, folder, overwrite=overwrite)
        for split, images in source.splits.items()
    }


class _Extraction:
    """The extraction of several splits with one backbone, built when first needed."""

    def __init__(self, config: ExtractConfig, device: str, reporter: Reporter) -> None:
        self.config, self.device, self.reporter = config, device, reporter
        self._backbone: Backbone | None = None

    def run(self, images: Images, folder: Path, *, overwrite: bool) -> Path:
        path = folder / cache_file_name(self._identity(images), location=images.location)
        if path.is_file():
            try:
                self._check(path, images)
            except UclsError:  # other settings, or damaged
                if not overwrite:
                    raise
            else:
                self.reporter.say(f"extract: {images.split} features are cached in {path}")
                return path
        self._write(path, images, overwrite=overwrite)
        return path

    def _check(self, path: Path, images: Images) -> None:
        """Compares a cache with what would be extracted now.

        Without a weights file of the user's own, the model's name stands for the model, so that
        cached features can be used where the weights cannot be had.
        """
        with FeatureCache(path) as cache:
            there, skipped = cache.spec, cache.skipped
        if self.config.weights:
            expected = self._spec(images)
        else:
            model = {name: getattr(there, name) for name in MODEL_FIELDS}
            expected = replace(self._identity(images), **model)
        FeatureCache(path, expected=expected).close()
        if self.config.strict and skipped:
            raise UclsError(
                f"{path} was made without {len(skipped)} unreadable images, such as "
                f"{skipped[0][0]} ({skipped[0][1]}); repair them and pass --overwrite, or leave "
                "out --strict"
            )

    def _identity(self, images: Images) -> FeatureSpec:
        """The spec as far as it is known without building the model."""
        is_array = isinstance(images, FeatureArray)
        return FeatureSpec(
            dataset=images.name,
            split=images.split,
            fingerprint=images.fingerprint,
            backbone=self.config.backbone or "",
            weights_hash="none",
            timm_version="none",
            image_size=self.config.image_size or 0,
            channels=self.config.channels or 0,
            crop="none",
            interpolation="none",
            mean=(),
            std=(),
            # The scale of a user's own features is not known; float16 might not hold them.
            dtype="float32" if is_array else "float16",
            n_layers=1,
            n_features=images.features.shape[1] if isinstance(images, FeatureArray) else 1,
            has_patch_mean=False,
        )

    def _spec(self, images: Images) -> FeatureSpec:
        identity = self._identity(images)
        if isinstance(images, FeatureArray):
            return identity
        spec = self.backbone.spec
        return replace(identity, **{name: getattr(spec, name) for name in MODEL_FIELDS})

    @property
    def backbone(self) -> "Backbone":
        if self._backbone is None:
            from ucls.backbones import build_backbone
            from ucls.devices import resolve_device

            config = self.config
            if config.backbone != "pixels":
                self.reporter.say(f"extract: loads backbone {config.backbone}")
            self._backbone = build_backbone(
                config.backbone or "",
                image_size=config.image_size or 0,
                channels=config.channels or 3,
                weights=config.weights[0] if config.weights else None,
                device=str(resolve_device(self.device)),
            )
        return self._backbone

    def _write(self, path: Path, images: Images, *, overwrite: bool) -> None:
        from ucls.extraction import extract_tokens

        spec = self._spec(images)
        with FeatureCacheWriter(path, spec, len(images), overwrite=overwrite) as writer:
            done = writer.n_seen
            if done:
                self.reporter.say(f"extract: {images.split} resumes at image {done:,}")
            description = f"extract {images.split}"
            with self.reporter.track(description, len(images), "images", done=done) as advance:
                for batch in extract_tokens(
                    images,
                    None if isinstance(images, FeatureArray) else self.backbone,
                    start=done,
                    batch_size=self.config.batch_size or 64,
                    workers=self.config.workers or 0,
                    on_unreadable="stop" if self.config.strict else "skip",
                    advance=advance,
                ):
                    _store(writer, batch)
            labels, class_names = labels_to_cache(images)
            if labels is not None:
                writer.write_labels(labels, class_names)
            writer.finish()
            n_skipped = writer.n_skipped
        kept = f"{len(images) - n_skipped:,} of {len(images):,} images"
        self.reporter.say(f"extract: {images.split} features of {kept} in {path}")


def _store(writer: FeatureCacheWriter, batch: "TokenBatch") -> None:
    """Hands a batch to the writer in the order of the dataset."""
    if not batch.skipped:
        writer.append(batch.cls, batch.patch_mean, batch.paths)
        return
    kept = {int(row): i for i, row in enumerate(batch.rows)}
    skipped = iter(batch.skipped)
    for row in range(writer.n_seen, batch.n_seen):
        if row not in kept:
            writer.skip(*next(skipped))
            continue
        one = slice(kept[row], kept[row] + 1)
        patch_mean = None if batch.patch_mean is None else batch.patch_mean[one]
        writer.append(batch.cls[one], patch_mean, batch.paths[one])


def labels_to_cache(images: Images) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
    """All labels there are, also where this run does not want them.

    The cache serves later runs too; whether labels are used is up to each run.
    """
    if (
        isinstance(images, ImageSet)
        and images.labels is None
        and all("/" in path for path in images.paths)
    ):
        return labels_from_folders(images.paths)
    return images.labels, images.class_names


def skipped_images(caches: Mapping[str, Path]) -> list[tuple[str, str, str]]:
    """Path, split and reason of each image that could not be read."""
    rows = []
    for split, path in caches.items():
        with FeatureCache(path) as cache:
            rows += [(image, split, reason) for image, reason in cache.skipped]
    return rows
