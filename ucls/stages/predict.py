"""Labelling new images with a finished run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.backbone_names import UNTRAINED
from ucls.cache import write_csv
from ucls.config import ExtractConfig
from ucls.errors import UsageError
from ucls.extract_settings import assign_weights
from ucls.feature_files import FeatureArray
from ucls.image_sets import ImageSet
from ucls.progress import SILENT, Reporter
from ucls.sources import Source, load_source
from ucls.stages.classifier import load_classifier
from ucls.stages.new_features import features_of_new_images
from ucls.stages.run import Run


class Predicted(NamedTuple):
    """How a prediction went."""

    n_images: int
    skipped: list[tuple[str, str]]
    """Path and reason of each image that could not be read."""
    cluster_sizes: NDArray[np.int64]
    untrained: list[str]
    """The run's backbones that have random weights."""


def predict(
    path: str | Path,
    source: str | Source,
    *,
    out: Path,
    split: str = "train",
    weights: Sequence[str] = (),
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
        weights: where the weights of the run's backbones are now, as in ``extract.weights``; empty
            if they are where they were.
        device: ``auto``, ``cpu`` or ``cuda[:i]``; None takes the run's setting.
        reporter: shown what happens.

    Raises:
        UsageError: if the source does not fit the run.
        UclsError: if the run has no classifier yet.
    """
    run = Run(path, reporter=reporter)
    run.require("self-train")
    extractions = _with_weights(run.data.extractions, weights)
    classifier = load_classifier(run.folder)
    images = _images(run, load_source(source) if isinstance(source, str) else source, split)
    skipped: list[tuple[str, str]] = []
    sizes = np.zeros(run.n_clusters, dtype=np.int64)

    def rows() -> Iterator[tuple[str, int, str]]:
        for batch, features in features_of_new_images(
            run, images, classifier.feature_set, extractions=extractions, device=device
        ):
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
    untrained = [name for name in run.backbones if name.endswith(UNTRAINED)]
    return Predicted(int(sizes.sum()), skipped, sizes, untrained)


def _with_weights(
    extractions: dict[str, ExtractConfig], weights: Sequence[str]
) -> dict[str, ExtractConfig]:
    moved = assign_weights(tuple(weights), list(extractions))
    return {
        name: config.model_copy(update={"weights": (moved[name],)}) if name in moved else config
        for name, config in extractions.items()
    }


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
