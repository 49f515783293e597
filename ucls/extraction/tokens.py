"""Images to token features, batch by batch, in dataset order."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ucls.backbones.protocol import Backbone, BackboneSpec, Tokens, spatial_size
from ucls.cache import FEATURE_SETS
from ucls.errors import UclsError, UsageError
from ucls.extraction.augmentations import Augmentation
from ucls.extraction.bottleneck import Bottleneck
from ucls.extraction.decoding import DecodedBatch, Views, decode_batches
from ucls.extraction.remarks import Remarks
from ucls.images.feature_files import FeatureArray
from ucls.images.files import UnreadableImageError
from ucls.images.sets import ImageSet
from ucls.progress import Advance, ignore_progress
from ucls.wording import count

ALL_ZEROS = "all zeros: it has no features"
"""What other tools leave for an image that they could not embed."""


@dataclass(frozen=True)
class TokenBatch:
    """The features of some consecutive images, without those that could not be read.

    Attributes:
        cls: float32 [V, B, L, D], class tokens of each view; view 0 is the plain image.
        patch_mean: float32 [V, B, D], mean patch tokens, or None.
        paths: B ids of the images.
        rows: int64 [B], their positions in the image set.
        skipped: (path, reason) of each unreadable image in between.
        n_seen: images of the set that are done by now, skipped ones too; what to give as
            ``start`` to go on after this batch.
        remarks: what is to be said of them; ``n_plain`` is of their plain view.
    """

    cls: NDArray[np.float32]
    patch_mean: NDArray[np.float32] | None
    paths: list[str]
    rows: NDArray[np.int64]
    skipped: list[tuple[str, str]]
    n_seen: int
    remarks: Remarks = field(default_factory=Remarks)


def extract_tokens(
    images: ImageSet | FeatureArray,
    backbone: Backbone | None = None,
    *,
    n_augmented: int = 0,
    start: int = 0,
    rows: NDArray[np.int64] | None = None,
    batch_size: int = 64,
    workers: int = 0,
    on_unreadable: Literal["skip", "stop"] = "skip",
    advance: Advance = ignore_progress,
) -> Iterator[TokenBatch]:
    """Runs a frozen backbone over images, in their order.

    Batch i always covers the rows from ``i * batch_size`` on, whatever ``start`` is and whichever
    images are unreadable, because the batch that an image is in can change the last bits of its
    features. So a resumed extraction gives exactly the rows of an uninterrupted one, and augmented
    views do not change the plain one.

    Args:
        images: what to extract. A :class:`FeatureArray` passes as it is, as L = 1 class token, but
            for rows of zeros, which stand for images that could not be embedded.
        backbone: needed unless ``images`` is a :class:`FeatureArray`.
        n_augmented: augmented views of each image besides the plain one.
        start: images of the set that are done already.
        rows: places of the images to extract, int64, rising; None for all. They are batched as if
            there were no others. Only for an :class:`ImageSet`.
        batch_size: images per forward pass.
        workers: processes that decode; 0 decodes in this one.
        on_unreadable: ``skip`` lists unreadable images in the batch, ``stop`` raises.
        advance: told of each batch's number of images, and of the bottleneck: ``decode``,
            ``model``, or ``write`` for whatever takes the batches.

    Yields:
        One :class:`TokenBatch` per batch; ``B`` is 0 where every image of a batch is unreadable.

    Raises:
        UsageError: if ``start`` does not lie within the image set, or images come without a
            backbone.
        UclsError: if an image is unreadable and shall not be skipped, or a worker fails.
    """
    if not 0 <= start <= len(images):
        raise UsageError(f"expected a start within {len(images)} images, got {start}")
    bottleneck = Bottleneck("decode", "model", "write")
    if isinstance(images, FeatureArray):
        batches = _slice_features(images, start, batch_size, skip=on_unreadable == "skip")
    elif backbone is None:
        raise UsageError(f"expected a backbone for the images of {images.name}, got None")
    else:
        loaded = decode_batches(
            images,
            views_of(backbone, n_augmented),
            start=start,
            batch_size=batch_size,
            rows=rows,
            workers=workers,
            pin_memory=backbone.device.startswith("cuda"),
        )
        encoder = _Encoder(
            images,
            backbone,
            n_views=1 + n_augmented,
            start=start,
            skip=on_unreadable == "skip",
        )
        batches = encoder.encode_all(loaded, bottleneck)
    done = start
    for batch in batches:
        advance(batch.n_seen - done, bottleneck=bottleneck.name)
        done = batch.n_seen
        yield batch
        bottleneck.lap("write")


def views_of(backbone: Backbone, n_augmented: int) -> Views:
    """The views that a backbone sees of each picture."""
    spec = backbone.spec
    augmentation = Augmentation(spatial_size(spec.image_size), spec.channels, spec.interpolation)
    return Views(backbone.preprocess, augmentation, n_augmented)


def _slice_features(
    features: FeatureArray, start: int, batch_size: int, *, skip: bool
) -> Iterator[TokenBatch]:
    for first in range(start, len(features), batch_size):
        stop = min(first + batch_size, len(features))
        part = np.array(features.features[first:stop], dtype=np.float32)
        is_filled = part.any(axis=1)
        skipped = [(features.paths[first + row], ALL_ZEROS) for row in np.flatnonzero(~is_filled)]
        if skipped and not skip:
            raise _unreadable(*skipped[0])
        rows = first + np.flatnonzero(is_filled)
        yield TokenBatch(
            cls=part[is_filled][None, :, None, :],
            patch_mean=None,
            paths=[features.paths[row] for row in rows],
            rows=rows,
            skipped=skipped,
            n_seen=stop,
        )


def _unreadable(path: str, reason: object) -> UclsError:
    return UclsError(
        f"cannot read {path}: {reason}; repair or remove it, or let unreadable images be skipped"
    )


class _Encoder:
    """Takes decoded batches through the model, and cuts off what lies before the start."""

    def __init__(
        self, images: ImageSet, backbone: Backbone, *, n_views: int, start: int, skip: bool
    ) -> None:
        self.images, self.backbone = images, backbone
        self.n_views, self.start, self.skip = n_views, start, skip

    def encode_all(
        self, loaded: Generator[DecodedBatch], bottleneck: Bottleneck
    ) -> Iterator[TokenBatch]:
        """Starts the model on a batch before the results of the one before are fetched.

        A GPU is then never without work while this process hands on results.
        """
        running: _Running | None = None
        with closing(loaded):  # ends the worker processes at once, whatever ends the extraction
            for batch in loaded:
                bottleneck.lap("decode")
                started = self._start(batch)
                if running is not None:
                    finished = self._finish(running)
                    bottleneck.lap("model")
                    yield finished
                running = started
        if running is not None:
            yield self._finish(running)

    def _start(self, batch: DecodedBatch) -> "_Running":
        try:
            return _Running(batch, self.backbone)
        except torch.OutOfMemoryError as error:
            raise UclsError(
                f"the memory of {self.backbone.device} does not hold a batch of "
                f"{count(len(batch.rows), 'image')}: pass a smaller one with "
                "--set extract.batch_size"
            ) from error

    def _finish(self, running: "_Running") -> TokenBatch:
        batch, images = running.batch, self.images
        skipped = self._skipped(batch)
        views = running.result()
        cls, patch_mean = _stack(views, self.n_views, self.backbone.spec)
        n_old = sum(row < self.start for row in batch.rows)
        rows = batch.rows[n_old:]
        return TokenBatch(
            cls=cls[:, n_old:],
            patch_mean=None if patch_mean is None else patch_mean[:, n_old:],
            paths=[images.paths[row] for row in rows],
            rows=np.array(rows, dtype=np.int64),
            skipped=skipped,
            n_seen=batch.stop,
            remarks=Remarks(
                n_stretched=sum(row >= self.start for row in batch.stretched),
                n_plain=_count_plain(views, n_old),
            ),
        )

    def _skipped(self, batch: DecodedBatch) -> list[tuple[str, str]]:
        skipped = []
        for row, error in batch.errors:
            if not isinstance(error, UnreadableImageError):
                raise error
            path = self.images.paths[row]
            if row < self.start:
                continue
            if not self.skip:
                raise _unreadable(path, error) from error
            skipped.append((path, str(error)))
        return skipped


class _Running:
    """A batch in the model; on a GPU the work goes on after the constructor returns."""

    def __init__(self, batch: DecodedBatch, backbone: Backbone) -> None:
        self.batch = batch
        self._tokens: list[Tokens] = []
        if batch.pixels is not None:
            # View by view, so that the plain one does not depend on how many there are.
            self._tokens = [_to_cpu(backbone.encode(view)) for view in batch.pixels]
        self._event: torch.cuda.Event | None = None
        if backbone.device.startswith("cuda"):
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record(torch.cuda.current_stream(backbone.device))

    def result(self) -> list[Tokens]:
        """Waits for the model; returns what it made of each view, or nothing of no images."""
        if self._event is not None:
            self._event.synchronize()
        return self._tokens


def _to_cpu(tokens: Tokens) -> Tokens:
    def moved(tensor: torch.Tensor | None) -> torch.Tensor | None:
        return None if tensor is None else tensor.to("cpu", non_blocking=True)

    return Tokens(
        cls=tokens.cls.to("cpu", non_blocking=True),
        patch_mean=moved(tokens.patch_mean),
        is_plain=moved(tokens.is_plain),
    )


def _count_plain(views: list[Tokens], start: int) -> int:
    """Of the images from a start on, by the first view of each."""
    is_plain = views[0].is_plain if views else None
    return 0 if is_plain is None else int(is_plain[start:].sum())


def _stack(
    views: list[Tokens], n_views: int, spec: BackboneSpec
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Class tokens [V, B, L, D] and mean patch tokens [V, B, D]; B is 0 without tokens."""
    if not views:
        cls = np.empty((n_views, 0, spec.n_layers, spec.n_features), np.float32)
        return cls, cls[:, :, 0] if spec.has_patch_mean else None
    cls = np.stack([tokens.cls.numpy() for tokens in views])
    means = [tokens.patch_mean.numpy() for tokens in views if tokens.patch_mean is not None]
    return cls, np.stack(means) if means else None


def select_tokens(
    cls: NDArray[np.floating], patch_mean: NDArray[np.floating] | None, feature_set: str
) -> NDArray[np.floating]:
    """Puts tokens side by side in the order of the feature cache.

    Args:
        cls: class tokens [B, L, D].
        patch_mean: mean patch tokens [B, D], or None.
        feature_set: such as ``cls4+patch``.

    Returns:
        [B, D'].
    """
    n_blocks, with_patch = FEATURE_SETS[feature_set]
    parts = [cls[:, layer] for layer in range(-n_blocks, 0)]
    if with_patch and patch_mean is not None:
        parts.append(patch_mean)
    return np.concatenate(parts, axis=1)
