"""Learning a network from images without labels."""

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.backbones.learned_files import NETWORK
from ucls.cache import atomic_write, write_csv
from ucls.errors import UclsError, UsageError
from ucls.images.files import UnreadableImageError
from ucls.images.sets import ImageSet
from ucls.masks.folder import fingerprint_masks, read_masks
from ucls.pretraining.record import CHECKPOINT, CLUSTERS, LOG, PretrainRecord
from ucls.progress import SILENT, Reporter
from ucls.settings.config import required
from ucls.settings.extraction import fitting_workers
from ucls.settings.pretraining import (
    fit_pretrain_config,
    local_size,
    read_pretrain_config,
)
from ucls.settings.pretraining_methods import METHODS
from ucls.sources import GivenSource, Source, open_source

if TYPE_CHECKING:
    import torch

    from ucls.pretraining.measuring import Measurer
    from ucls.pretraining.pixels import Pixels
    from ucls.pretraining.protocol import Method
    from ucls.pretraining.views import MultiCrop

LOOKED_AT = 32
"""Images whose sides tell how large crops are."""


class Pretrained(NamedTuple):
    """A network that was learned."""

    path: Path
    """The folder, which ``--backbone`` takes."""
    figures: dict[str, Any]
    """Of the last epoch: ``loss`` and, where labels are known, ``knn``, of methods with clusters
    also ``acc``, ``nmi``, ``ami`` and ``ari``."""


def pretrain(
    source: GivenSource,
    *,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Pretrained:
    """Learns a network from the training images of a source.

    Needs nothing; leaves ``network.safetensors``, which serves as a backbone, ``pretrain.json``,
    ``pretrain.jsonl`` and, of methods that find clusters, ``clusters.csv``. A training that was
    stopped goes on; one that is finished is not done again. ``torchrun -m ucls pretrain``
    shares each batch among its processes.

    Args:
        source: images, see :func:`ucls.sources.load_source`.
        out: the folder; None for ``runs/NAME-METHOD``.
        settings: fields of :class:`ucls.settings.pretraining.PretrainConfig`, and options of the
            method.
        overwrite: forget what is there, and start anew.
        reporter: shown what happens.

    Raises:
        UsageError: if the source or the settings are wrong.
        MismatchError: if the folder holds a training of other images or settings.
        UclsError: if no image can be read, or the training goes astray.
    """
    opened = open_source(source)
    images = _images_of(opened)
    config = read_pretrain_config(settings or {})
    config = fit_pretrain_config(
        config,
        n_images=len(images),
        n_classes=opened.n_classes,
        typical_side=typical_side(images),
    )
    folder = Path(out or Path("runs") / f"{opened.name}-{config.method}")
    fingerprint, masks = images.fingerprint, config.options.get("masks")
    if opened.classes is not None:
        fingerprint += " ".join(opened.classes)
    if masks is not None:
        fingerprint += fingerprint_masks(masks, images.paths)
    record = PretrainRecord(folder, config, fingerprint, source=opened.arguments)
    return _learn(images, record, overwrite=overwrite, reporter=reporter)


def _learn(
    images: ImageSet, record: PretrainRecord, *, overwrite: bool, reporter: Reporter
) -> Pretrained:
    """Learns what a record asks for, in all processes of a job."""
    from ucls.ranks import together

    with record.lock():
        if record.begin(overwrite=overwrite):
            # Which a process leaves that was killed after it had kept its network.
            (record.path / CHECKPOINT).unlink(missing_ok=True)
            reporter.say(f"pretrain: the network in {record.path} is learned already")
        else:
            together(_train, images, record, reporter=reporter)
        return Pretrained(record.path, record.figures())


def _train(images: ImageSet, record: PretrainRecord, *, reporter: Reporter) -> None:
    _Pretraining(images, record, reporter).train()


def typical_side(images: ImageSet) -> int:
    """The median of the shorter sides of a few images, in pixels.

    Raises:
        UclsError: if none of these can be read.
    """
    if images.native is not None:
        return images.native[0]
    sides = []
    for row in np.linspace(0, len(images) - 1, min(len(images), LOOKED_AT)).astype(int):
        with suppress(UnreadableImageError):
            sides.append(min(images.read(int(row)).size))
    if not sides:
        n_seen = min(len(images), LOOKED_AT)
        raise UclsError(f"none of {n_seen} images of {images.name} that were looked at can be read")
    return int(np.median(sides))


def _images_of(source: Source) -> ImageSet:
    images = source.splits["train"]
    if not isinstance(images, ImageSet):
        raise UsageError(
            f"{source.name} holds features, but a network learns from images: pass a folder, a "
            "list or a dataset of images"
        )
    if len(images) < 2:
        raise UsageError(f"one image teaches nothing: {source.name} must hold at least two")
    return images.of_classes(source.classes).merged(source.class_map)


class _Pretraining:
    def __init__(self, images: ImageSet, record: PretrainRecord, reporter: Reporter) -> None:
        self.images, self.record, self.reporter = images, record, reporter
        self.config, self.folder = record.config, record.path
        self.masks: Path | None = self.config.options.get("masks")

    def train(self) -> None:
        from ucls.backbones.learned import write_network
        from ucls.devices import resolve_device
        from ucls.pretraining.checkpoint import Checkpoint
        from ucls.pretraining.loop import Training
        from ucls.pretraining.measuring import Measurer
        from ucls.ranks import rank

        config, device = self.config, resolve_device(self.config.device)
        self.reporter.say(
            f"pretrain: {config.method} learns {config.arch} from crops of {config.image_size} "
            f"pixels, {config.epochs} epochs of {len(self.images):,} images"
        )
        pixels = self._pixels()
        method, crops = self._method(device, pixels), self._crops(pixels)
        measurer = Measurer(pixels, crops, labels=self.images.labels, device=device)
        checkpoint = Checkpoint(self.folder / CHECKPOINT, self.record.key)
        log = Training(
            method,
            pixels,
            self.config,
            crops=crops,
            measurer=measurer,
            checkpoint=checkpoint,
            device=device,
            reporter=self.reporter,
        ).train()
        if rank() != 0:
            return
        figures = json.loads(log[-1])
        if note := figures.get("collapse"):
            self.reporter.warn(
                f"pretrain: {note}: it has collapsed, and is of no use as a backbone; "
                f"take a lower rate, such as --set learning_rate="
                f"{required(self.config.learning_rate) / 4:g}"
            )
        write_network(self.folder / NETWORK, method.encoder, mean=crops.mean, std=crops.std)
        with atomic_write(self.folder / LOG) as file:
            file.write_text("".join(f"{line}\n" for line in log), encoding="utf-8")
        self._write_clusters(measurer, method)
        self.record.finish(figures)
        checkpoint.remove()

    def _pixels(self) -> "Pixels":
        from ucls.pretraining.pixels import load_pixels

        workers = self.config.workers
        return load_pixels(
            self.images,
            size=required(self.config.image_size),
            channels=self._channels(),
            workers=fitting_workers() if workers is None else workers,
            reporter=self.reporter,
        )

    def _channels(self) -> int:
        return self.images.native[1] if self.images.native else 3

    def _method(self, device: "torch.device", pixels: "Pixels") -> "Method":
        import torch

        from ucls.backbones.encoder import Architecture, Encoder
        from ucls.batch_norm import share_batch_statistics
        from ucls.pretraining.protocol import Task

        record, config = METHODS[self.config.method], self.config
        size = required(config.image_size)
        masks = None if self.masks is None else partial(self._read_masks, pixels.rows)
        task = Task(len(self.images), required(config.epochs), config.n_clusters, masks)
        torch.manual_seed(config.seed)
        encoder = Encoder(Architecture(config.arch, self._channels(), size, config.sobel))
        options = record.options.model_validate(config.options)
        method: Method = resolve_name(record.build)(encoder, options, task)
        method.to(device).to(memory_format=torch.channels_last)
        share_batch_statistics(method)
        return method.train()

    def _read_masks(self, rows: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        masks = np.zeros((len(self.images), size, size), np.uint8)
        paths = [self.images.paths[row] for row in rows]
        masks[rows] = read_masks(required(self.masks), paths, size)
        return masks

    def _crops(self, pixels: "Pixels") -> "MultiCrop":
        from ucls.pretraining.pixels import mean_and_deviation
        from ucls.pretraining.views import RECOLOURINGS, MultiCrop

        config = self.config
        size = required(config.image_size)
        mean, std = mean_and_deviation(pixels)
        return MultiCrop(
            size=size,
            local_size=local_size(size),
            n_global=METHODS[config.method].n_global,
            n_local=required(config.n_local),
            global_scale=required(config.global_scale),
            local_scale=config.local_scale,
            flips=config.flips,
            recolours=RECOLOURINGS[required(config.recolours)],
            mean=mean,
            std=std,
        )

    def _write_clusters(self, measurer: "Measurer", method: "Method") -> None:
        parts = list(measurer.clusters(method))
        if not parts:
            return
        rows = [int(row) for own, _ in parts for row in own]
        clusters = [int(cluster) for _, own in parts for cluster in own]
        table = zip((self.images.paths[row] for row in rows), clusters, strict=True)
        write_csv(self.folder / CLUSTERS, ("path", "cluster"), table)
