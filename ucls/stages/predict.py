"""Labelling new images with a finished run."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ucls.cache import FEATURE_SETS, write_csv
from ucls.config import required
from ucls.errors import UsageError
from ucls.feature_files import FeatureArray
from ucls.feature_sets import parse_features, side_by_side
from ucls.image_sets import ImageSet
from ucls.progress import SILENT, Reporter
from ucls.sources import Source, load_source
from ucls.stages.classifier import load_classifier
from ucls.stages.extract import ROWS_AT_ONCE, backbone_of
from ucls.stages.run import Run

if TYPE_CHECKING:
    from ucls.backbones import Backbone
    from ucls.extraction import TokenBatch


class Predicted(NamedTuple):
    """How a prediction went."""

    n_images: int
    skipped: list[tuple[str, str]]
    """Path and reason of each image that could not be read."""
    cluster_sizes: NDArray[np.int64]


def predict(
    path: str | Path,
    source: str | Source,
    *,
    out: Path,
    split: str = "train",
    device: str | None = None,
    reporter: Reporter = SILENT,
) -> Predicted:
    """Labels the images of ``source`` with the classifier of a run; nothing is cached.

    Args:
        path: the run folder.
        source: images of the kind the run was made of: a folder or list of images, a feature
            file, a dataset, or what :func:`ucls.sources.load_source` returns.
        out: the CSV to write: path, cluster, confidence.
        split: which part of a dataset.
        device: ``auto``, ``cpu`` or ``cuda[:i]``; None takes the run's setting.
        reporter: shown what happens.

    Raises:
        UsageError: if the source does not fit the run.
        UclsError: if the run has no classifier yet.
    """
    run = Run(path, reporter=reporter)
    run.require("self-train")
    classifier = load_classifier(run.folder)
    images = _images(run, load_source(source) if isinstance(source, str) else source, split)
    skipped: list[tuple[str, str]] = []
    sizes = np.zeros(run.n_clusters, dtype=np.int64)

    def rows() -> Iterator[tuple[str, int, str]]:
        for batch, features in _features(run, images, classifier.feature_set, device):
            skipped.extend(batch.skipped)
            if not batch.paths:
                continue
            clusters, confidence = classifier.predict(features)
            np.add.at(sizes, clusters, 1)
            for image, cluster, p in zip(batch.paths, clusters, confidence, strict=True):
                yield image, int(cluster), f"{p:.4f}"
        if len(skipped) == len(images):
            raise UsageError(
                f"none of the {len(images)} images of {images.name} could be read, "
                f"the first because: {skipped[0][1]}; check that the source holds images"
            )

    write_csv(out, ("path", "cluster", "confidence"), rows())
    return Predicted(int(sizes.sum()), skipped, sizes)


def _images(run: Run, source: Source, split: str) -> ImageSet | FeatureArray:
    if split not in source.splits:
        raise UsageError(
            f"{source.name} has no split {split!r}; choose {' or '.join(source.splits)}"
        )
    images = source.splits[split]
    wants_features = "features" in run.data.extractions
    if wants_features != isinstance(images, FeatureArray):
        wanted = "a feature file" if wants_features else "images"
        raise UsageError(f"the run was made of {wanted}; expected {wanted} too, got {source.name}")
    if isinstance(images, ImageSet):
        return images.of_classes(source.classes)
    width = run.data.widths["features"]["cls"]
    if images.features.shape[1] != width:
        raise UsageError(
            f"the run's features have {width} columns, those of {source.name} "
            f"{images.features.shape[1]}; use the same backbone for both"
        )
    return images


def _features(
    run: Run, images: ImageSet | FeatureArray, features: str, device: str | None
) -> Iterator[tuple["TokenBatch", NDArray[np.floating]]]:
    """Yields batches of images with their features [B, D'], as the feature caches hold them."""
    dtype = np.float32 if isinstance(images, FeatureArray) else np.float16
    first = next(iter(run.data.extractions))
    parts = [(part.feature_set, part.backbone or first) for part in parse_features(features)]
    names = list(dict.fromkeys(backbone for _, backbone in parts))
    streams = [_tokens(run, images, name, device) for name in names]
    with run.reporter.track("predict", len(images), "images") as advance:
        done = 0
        for batches in zip(*streams, strict=True):
            by_name = dict(zip(names, batches, strict=True))
            tokens = [select_tokens(by_name[name], chosen, dtype) for chosen, name in parts]
            yield batches[0], side_by_side(tokens)
            advance(batches[0].n_seen - done)
            done = batches[0].n_seen


def _tokens(
    run: Run, images: ImageSet | FeatureArray, name: str, device: str | None
) -> Iterator["TokenBatch"]:
    from ucls.batch_size import fitting_batch_size
    from ucls.extraction import extract_tokens

    config = run.data.extractions[name]
    backbone, fitting = None, ROWS_AT_ONCE
    if isinstance(images, ImageSet):
        backbone = _backbone(run, name, device)
        fitting = fitting_batch_size(backbone)
    return extract_tokens(
        images,
        backbone,
        batch_size=config.batch_size or fitting,
        workers=required(config.workers),
        on_unreadable="stop" if config.strict else "skip",
    )


def _backbone(run: Run, name: str, device: str | None) -> "Backbone":
    backbone = backbone_of(run.data.extractions[name], device or run.config.device)
    trained_with = run.data.weights_hashes[name]
    if backbone.spec.weights_hash != trained_with:
        raise UsageError(
            f"the run was made with weights {trained_with[:12]} of {name}, but those "
            f"found now are {backbone.spec.weights_hash[:12]}; give the same weights file"
        )
    return backbone


def select_tokens(batch: "TokenBatch", feature_set: str, dtype: DTypeLike) -> NDArray[np.float32]:
    """Puts the tokens of a batch together, rounded to ``dtype`` as in the feature cache."""
    n_blocks, with_patch = FEATURE_SETS[feature_set]
    parts = [batch.cls[0, :, layer] for layer in range(-n_blocks, 0)]
    if with_patch and batch.patch_mean is not None:
        parts.append(batch.patch_mean[0])
    return np.concatenate(parts, axis=1).astype(dtype).astype(np.float32)
