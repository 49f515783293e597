"""How well features of places tell what lies there, by masks whose pixel values are classes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.config import Config
from ucls.errors import UsageError
from ucls.images.sets import ImageSet
from ucls.masks.classes import read_values, values_of
from ucls.masks.folder import mask_paths
from ucls.pretraining.record import learned_from
from ucls.progress import SILENT, Reporter
from ucls.runs.backbone import backbone_of
from ucls.runs.new_features import backbone_as_trained
from ucls.runs.opening import open_run
from ucls.runs.pictures import Pictures
from ucls.runs.resolve import refuse_late_settings
from ucls.settings.config import required
from ucls.settings.extraction import resolve_extractions
from ucls.settings.probe import MOST_PATCHES, PROTOCOLS, ProtocolName
from ucls.sources import Source, load_source
from ucls.stages.probe import is_learned
from ucls.stages.suggest_k import is_run
from ucls.types import Figures
from ucls.wording import count

if TYPE_CHECKING:
    from torch import Tensor

    from ucls.backbones.protocol import Backbone
    from ucls.metrics.probe import Labelled

_BATCH = 16


class _Opened(NamedTuple):
    name: str
    splits: Mapping[str, Any]
    backbone: "Backbone"
    workers: int
    config: Config


class _Masked(NamedTuple):
    """Images with their masks."""

    images: ImageSet
    paths: list[Path]

    def of(self, rows: NDArray[np.int64]) -> "_Masked":
        return _Masked(self.images.of_rows(rows), [self.paths[row] for row in rows])


def probe_masks(
    source: Source | str | Path,
    masks: str | Path,
    *,
    protocol: ProtocolName = "thesis",
    settings: Mapping[str, Any] | None = None,
    reporter: Reporter = SILENT,
) -> Figures:
    """Measures linear classifiers that learn the classes of patches, and are scored by pixels.

    They learn from the images of ``train`` that have a mask, and are scored on those of ``val``, or
    on a random fifth of ``train`` where there is no ``val``. Images and masks are stretched to a
    square; a patch is of the class that most of its pixels are of. Nothing is written.

    Args:
        source: an open source; or a run folder, also that of a network that was learned.
        masks: the folder; the mask of ``a/b.jpg`` is ``a/b.png``, whatever its size.
        protocol: how classifiers are trained; see :data:`ucls.settings.probe.PROTOCOLS`.
        settings: dotted names to values: ``seed`` and ``device``, and for a source those of its
            extraction.
        reporter: shown what happens.

    Returns:
        ``source``, ``features``, ``n_train``, ``n_val``, ``classes`` (values of pixels),
        ``held_out``, ``seed``; and ``segmentation``: ``protocol``, ``by_rate`` with the
        ``learning_rate``, ``mean_iou`` and ``pixel_accuracy`` of each classifier, the one of the
        highest mean IoU with its ``iou`` by class, and ``picked_on_train``, the one that a held-out
        tenth of the patches picks.

    Raises:
        UsageError: if masks are missing or of one class, or the network has no map.
    """
    from ucls.devices import resolve_device
    from ucls.metrics.probe import linear_classifiers
    from ucls.metrics.segmentation import SegmentationScores, confusions_of

    opened = _open(source, dict(settings or {}))
    masked = {
        split: _masked(images, Path(masks))
        for split, images in opened.splits.items()
        if isinstance(images, ImageSet)
    }
    train, scored, held_out = _parts(masked, Path(masks), seed=opened.config.seed)
    values = values_of([*train.paths, *scored.paths])
    if len(values) < 2:
        raise UsageError(
            f"all pixels of the masks in {masks} are {values[0]}: a probe tells classes apart, so "
            "give masks with two values or more"
        )
    places = _Places(opened.backbone, values, opened.workers, reporter)
    told = f"patches of {opened.backbone.spec.name}"
    reporter.say(
        f"probe: {opened.name}, {told}: {count(len(train.paths), 'image')} to learn from, "
        f"{len(scored.paths):,} to score ({'a held-out fifth' if held_out else 'val'})"
    )
    classifiers, picked = linear_classifiers(
        places.sampled(train, seed=opened.config.seed),
        PROTOCOLS[protocol],
        n_classes=len(values),
        seed=opened.config.seed,
        device=resolve_device(opened.config.device),
        reporter=reporter,
    )
    confusions = confusions_of(classifiers, places.batches(scored), len(values))
    scores = [SegmentationScores.of(one) for one in confusions]
    by_rate = [
        {"learning_rate": rate, "mean_iou": one.mean_iou, "pixel_accuracy": one.pixel_accuracy}
        for rate, one in zip(PROTOCOLS[protocol].learning_rates, scores, strict=True)
    ]
    best = max(range(len(scores)), key=lambda number: scores[number].mean_iou)
    iou = [None if np.isnan(one) else one for one in scores[best].iou.tolist()]
    return {
        "source": opened.name,
        "features": told,
        "n_train": len(train.paths),
        "n_val": len(scored.paths),
        "classes": values.tolist(),
        "held_out": held_out,
        "seed": opened.config.seed,
        "segmentation": {
            "protocol": protocol,
            **by_rate[best],
            "iou": dict(zip(map(str, values.tolist()), iou, strict=True)),
            "by_rate": by_rate,
            "picked_on_train": None if picked is None else by_rate[picked],
        },
    }


class _Places:
    """What a backbone makes of the places of images."""

    def __init__(
        self, backbone: "Backbone", values: NDArray[np.int64], workers: int, reporter: Reporter
    ) -> None:
        dense: Callable[[Tensor], Tensor] | None = getattr(backbone, "dense", None)
        if dense is None:
            raise UsageError(
                f"backbone {backbone.spec.name} gives one vector per image, without places: take a "
                "vision transformer, or a network of `ucls pretrain`"
            )
        size = backbone.spec.image_size
        if not isinstance(size, int):
            raise UsageError(f"masks need a square image size, got {size}: pass one number")
        self._dense, self._size, self._channels = dense, size, backbone.spec.channels
        self._values, self._workers, self._reporter = values, workers, reporter

    def sampled(self, masked: _Masked, *, seed: int) -> "Labelled":
        """Patches [n, D] of all images, evenly many of each, and their classes."""
        from ucls.metrics.probe import Labelled
        from ucls.metrics.segmentation import patch_labels

        rng, most = np.random.default_rng(seed), -(-MOST_PATCHES // len(masked.paths))
        features, labels = [], []
        for patches, masks in self.batches(masked):
            grid = patches.shape[1], patches.shape[2]
            classes = patch_labels(masks, grid, len(self._values)).flatten(1)
            for own, classes_of_own in zip(patches.flatten(1, 2), classes, strict=True):
                kept = rng.permutation(len(own))[:most]
                features.append(own[kept].numpy())
                labels.append(classes_of_own[kept].numpy().astype(np.int32))
        return Labelled(np.concatenate(features), np.concatenate(labels))

    def batches(self, masked: _Masked) -> Iterator[tuple["Tensor", "Tensor"]]:
        """Patches float32 [B, h, w, D] and the classes of pixels int64 [B, S, S]."""
        import torch

        from ucls.pretraining.pixels import Decoded, Stretch

        decoded = Decoded(
            masked.images,
            Stretch(self._size, self._channels),
            workers=self._workers,
            reporter=self._reporter,
        )
        n_images = len(masked.paths)
        rows = [np.arange(at, min(at + _BATCH, n_images)) for at in range(0, n_images, _BATCH)]
        with self._reporter.track("probe: patches", n_images, "images") as advance:
            for batch in decoded.batches(rows):
                found = [read_values(masked.paths[row], self._size) for row in batch.rows]
                masks = torch.from_numpy(np.searchsorted(self._values, np.stack(found)))
                yield self._dense(batch.pixels).cpu(), masks
                advance(len(batch.rows))


def _open(source: Source | str | Path, settings: dict[str, Any]) -> _Opened:
    if isinstance(source, Source):
        return _of_source(source, Config().with_values(settings))
    if is_learned(source):
        arguments: dict[str, Any] = learned_from(Path(source))
        values = {"extract.backbone": str(source), **settings}
        return _of_source(load_source(**arguments), Config().with_values(values))
    if not is_run(str(source)):
        raise UsageError(
            f"{source} holds no images to lay masks on: name a run folder or a source of images"
        )
    refuse_late_settings(settings)
    run = open_run(source)
    config = run.requested.with_values(settings)
    name, extraction = next(iter(run.data.extractions.items()))
    if name == "features":
        raise UsageError(f"{source} is a run on features, which have no places: name images")
    pictures = {split: Pictures.of(run, split) for split in run.splits}
    if missing := [own.reason for own in pictures.values() if own.images is None]:
        raise UsageError(f"the images of {source} cannot be had: {missing[0]}")
    backbone = backbone_as_trained(run, name, extraction, device=config.device)
    splits = {
        split: own.images.of_rows(own.numbers[own.numbers >= 0])
        for split, own in pictures.items()
        if own.images is not None
    }
    workers = required(extraction.workers)
    return _Opened(run.folder.record["source"]["name"], splits, backbone, workers, config)


def _of_source(source: Source, config: Config) -> _Opened:
    if not isinstance(source.splits["train"], ImageSet):
        raise UsageError(f"{source.name} holds features, which have no places: name images")
    extraction = next(iter(resolve_extractions(config, source).values()))
    backbone, workers = backbone_of(extraction, config.device), required(extraction.workers)
    return _Opened(source.name, source.splits, backbone, workers, config)


def _masked(images: ImageSet, folder: Path) -> _Masked:
    """The images that have a mask."""
    paths = mask_paths(folder, images.paths)
    rows = np.flatnonzero([path.is_file() for path in paths])
    return _Masked(images, paths).of(rows)


def _parts(masked: dict[str, _Masked], folder: Path, *, seed: int) -> tuple[_Masked, _Masked, bool]:
    """What to learn from, what to score, and whether that is held out."""
    from ucls.metrics.probe import held_out_rows

    train = masked["train"]
    if len(train.paths) < 2:
        raise UsageError(
            f"{count(len(train.paths), 'image')} of {train.images.name} have a mask in {folder}, "
            "expected two or more: the mask of a/b.jpg is a/b.png there"
        )
    if "val" in masked and masked["val"].paths:
        return train, masked["val"], False
    kept, held_out = held_out_rows(len(train.paths), seed=seed)
    return train.of(kept), train.of(held_out), True
