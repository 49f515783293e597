"""Labelling new images with a finished run."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ucls.cache import FEATURE_SETS, write_csv
from ucls.config import required
from ucls.datasets import FeatureArray, ImageSet, load_source
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.stages.classifier import load_classifier
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
    source: str,
    *,
    out: Path,
    split: str = "train",
    device: str | None = None,
    reporter: Reporter = SILENT,
) -> Predicted:
    """Labels the images of ``source`` with the classifier of a run; nothing is cached.

    Args:
        path: the run folder.
        source: images of the kind the run was made of: a folder, a feature file, a dataset.
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
    images = _images(run, source, split)
    dtype = np.float32 if isinstance(images, FeatureArray) else np.float16
    skipped: list[tuple[str, str]] = []
    sizes = np.zeros(run.n_clusters, dtype=np.int64)

    def rows() -> Iterator[tuple[str, int, str]]:
        for batch in _tokens(run, images, device):
            skipped.extend(batch.skipped)
            if not batch.paths:
                continue
            clusters, confidence = classifier.predict(
                _features(batch, classifier.feature_set, dtype)
            )
            np.add.at(sizes, clusters, 1)
            for image, cluster, p in zip(batch.paths, clusters, confidence, strict=True):
                yield image, int(cluster), f"{p:.4f}"
        if len(skipped) == len(images):
            raise UsageError(
                f"none of the {len(images)} images of {source} could be read, "
                f"the first because: {skipped[0][1]}; check that the source holds images"
            )

    write_csv(out, ("path", "cluster", "confidence"), rows())
    return Predicted(int(sizes.sum()), skipped, sizes)


def _images(run: Run, source: str, split: str) -> ImageSet | FeatureArray:
    splits = load_source(source).splits
    if split not in splits:
        raise UsageError(f"{source} has no split {split!r}; choose {' or '.join(splits)}")
    images = splits[split]
    wants_features = run.data.extract.backbone == "features"
    if wants_features != isinstance(images, FeatureArray):
        wanted = "a feature file" if wants_features else "images"
        raise UsageError(f"the run was made of {wanted}; expected {wanted} too, got {source}")
    if isinstance(images, FeatureArray) and images.features.shape[1] != run.data.widths["cls"]:
        raise UsageError(
            f"the run's features have {run.data.widths['cls']} columns, those of {source} "
            f"{images.features.shape[1]}; use the same backbone for both"
        )
    return images


def _tokens(
    run: Run, images: ImageSet | FeatureArray, device: str | None
) -> Iterator["TokenBatch"]:
    from ucls.extraction import extract_tokens

    config = run.config.extract
    backbone = None if isinstance(images, FeatureArray) else _backbone(run, device)
    with run.reporter.track("predict", len(images), "images") as advance:
        yield from extract_tokens(
            images,
            backbone,
            batch_size=config.batch_size or 64,
            workers=required(config.workers),
            on_unreadable="stop" if config.strict else "skip",
            advance=advance,
        )


def _backbone(run: Run, device: str | None) -> "Backbone":
    from ucls.backbones import build_backbone
    from ucls.devices import resolve_device

    config = run.config.extract
    backbone = build_backbone(
        required(config.backbone),
        image_size=required(config.image_size),
        channels=required(config.channels),
        weights=config.weights[0] if config.weights else None,
        device=str(resolve_device(device or run.config.device)),
    )
    trained_with = run.data.weights_hash
    if backbone.spec.weights_hash != trained_with:
        raise UsageError(
            f"the run was made with weights {trained_with[:12]} of {config.backbone}, but those "
            f"found now are {backbone.spec.weights_hash[:12]}; give the same weights file"
        )
    return backbone


def _features(batch: "TokenBatch", feature_set: str, dtype: DTypeLike) -> NDArray[np.float32]:
    """Puts the tokens of a batch together, rounded to ``dtype`` as in the feature cache."""
    n_blocks, with_patch = FEATURE_SETS[feature_set]
    parts = [batch.cls[:, -n_blocks:].reshape(len(batch.cls), -1)]
    if with_patch and batch.patch_mean is not None:
        parts.append(batch.patch_mean)
    return np.concatenate(parts, axis=1).astype(dtype).astype(np.float32)
