"""Images to token features, batch by batch, in dataset order."""

import traceback
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ucls.backbones import Backbone, Preprocess
from ucls.datasets import FeatureArray, ImageSet
from ucls.errors import UclsError, UsageError
from ucls.images import UnreadableImageError
from ucls.progress import Advance, ignore_progress


@dataclass(frozen=True)
class TokenBatch:
    """The features of some consecutive images, without those that could not be read.

    Attributes:
        cls: float32 [B, L, D], class tokens.
        patch_mean: float32 [B, D], mean patch tokens, or None.
        paths: B ids of the images.
        rows: int64 [B], their positions in the image set.
        skipped: (path, reason) of each unreadable image in between.
        n_seen: images of the set that are done by now, skipped ones too; what to give as
            ``start`` to go on after this batch.
    """

    cls: NDArray[np.float32]
    patch_mean: NDArray[np.float32] | None
    paths: list[str]
    rows: NDArray[np.int64]
    skipped: list[tuple[str, str]]
    n_seen: int


@dataclass(frozen=True)
class _Decoded:
    row: int
    pixels: Tensor | None
    error: UclsError | None


@dataclass(frozen=True)
class _DecodedBatch:
    rows: list[int]
    pixels: Tensor | None
    errors: list[tuple[int, UclsError]]
    stop: int

    def pin_memory(self) -> "_DecodedBatch":
        """Lets the DataLoader speed up the copy to a GPU."""
        pinned = None if self.pixels is None else self.pixels.pin_memory()
        return replace(self, pixels=pinned)


class _Decoder(Dataset[_Decoded]):
    """Decodes and preprocesses one image; runs in worker processes."""

    def __init__(self, images: ImageSet, preprocess: Preprocess) -> None:
        self._images = images
        self._preprocess = preprocess

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, row: int) -> _Decoded:
        try:
            return _Decoded(row, self._preprocess(self._images.read(row)), None)
        except UnreadableImageError as error:
            return _Decoded(row, None, error)
        except Exception as error:  # noqa: BLE001 - raised in the main process, naming the image
            failure = UclsError(
                f"cannot preprocess {self._images.paths[row]}: {type(error).__name__}: {error}"
            )
            failure.add_note(traceback.format_exc())
            return _Decoded(row, None, failure)


def extract_tokens(
    images: ImageSet | FeatureArray,
    backbone: Backbone | None = None,
    *,
    start: int = 0,
    batch_size: int = 64,
    workers: int = 0,
    on_unreadable: Literal["skip", "stop"] = "skip",
    advance: Advance = ignore_progress,
) -> Iterator[TokenBatch]:
    """Runs a frozen backbone over images, in their order.

    Batch i always covers the rows from ``i * batch_size`` on, whatever ``start`` is and whichever
    images are unreadable, because the batch that an image is in can change the last bits of its
    features. So a resumed extraction gives exactly the rows of an uninterrupted one.

    Args:
        images: what to extract. A :class:`FeatureArray` passes as it is, as L = 1 class token.
        backbone: needed unless ``images`` is a :class:`FeatureArray`.
        start: images of the set that are done already.
        batch_size: images per forward pass.
        workers: processes that decode; 0 decodes in this one.
        on_unreadable: ``skip`` lists unreadable images in the batch, ``stop`` raises.
        advance: told of each batch's number of images.

    Yields:
        One :class:`TokenBatch` per batch; ``B`` is 0 where every image of a batch is unreadable.

    Raises:
        UsageError: if ``start`` does not lie within the image set, or images come without a
            backbone.
        UclsError: if an image is unreadable and shall not be skipped, or a worker fails.
    """
    if not 0 <= start <= len(images):
        raise UsageError(f"expected a start within {len(images)} images, got {start}")
    if isinstance(images, FeatureArray):
        batches = _slice_features(images, start, batch_size)
    elif backbone is None:
        raise UsageError(f"expected a backbone for the images of {images.name}, got None")
    else:
        loaded = _decode(images, backbone, start=start, batch_size=batch_size, workers=workers)
        skip = on_unreadable == "skip"
        batches = _encode_all(images, backbone, loaded, start=start, skip=skip)
    done = start
    for batch in batches:
        advance(batch.n_seen - done)
        done = batch.n_seen
        yield batch


def _slice_features(features: FeatureArray, start: int, batch_size: int) -> Iterator[TokenBatch]:
    for first in range(start, len(features), batch_size):
        stop = min(first + batch_size, len(features))
        yield TokenBatch(
            cls=np.array(features.features[first:stop], dtype=np.float32)[:, None, :],
            patch_mean=None,
            paths=features.paths[first:stop],
            rows=np.arange(first, stop),
            skipped=[],
            n_seen=stop,
        )


def _decode(
    images: ImageSet, backbone: Backbone, *, start: int, batch_size: int, workers: int
) -> Generator[_DecodedBatch]:
    """Yields the batches from the one that holds row ``start`` on."""
    if start == len(images):
        return
    stops = range(start - start % batch_size + batch_size, len(images) + batch_size, batch_size)
    batches = [list(range(stop - batch_size, min(stop, len(images)))) for stop in stops]
    loader = DataLoader(
        _Decoder(images, backbone.preprocess),
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=backbone.device.startswith("cuda"),
        generator=torch.Generator(),  # otherwise the loader draws from the global one
    )
    try:
        yield from loader
    except Exception as error:
        reason = str(error).strip().rsplit("\n", 1)[-1]
        raise UclsError(
            f"the processes that read the images of {images.name} failed ({reason}): "
            "try --set extract.workers=0"
        ) from error


def _collate(items: list[_Decoded]) -> _DecodedBatch:
    pixels = [item.pixels for item in items if item.pixels is not None]
    return _DecodedBatch(
        rows=[item.row for item in items if item.pixels is not None],
        pixels=torch.stack(pixels) if pixels else None,
        errors=[(item.row, item.error) for item in items if item.error is not None],
        stop=items[-1].row + 1,
    )


def _encode_all(
    images: ImageSet,
    backbone: Backbone,
    loaded: Generator[_DecodedBatch],
    *,
    start: int,
    skip: bool,
) -> Iterator[TokenBatch]:
    with closing(loaded):  # ends the worker processes at once, whatever ends the extraction
        for batch in loaded:
            yield _encode(images, backbone, batch, start=start, skip=skip)


def _encode(
    images: ImageSet, backbone: Backbone, batch: _DecodedBatch, *, start: int, skip: bool
) -> TokenBatch:
    """Encodes a whole batch, then drops its rows before ``start``."""
    skipped = _skipped(images, batch, start=start, skip=skip)
    spec = backbone.spec
    cls = np.empty((0, spec.n_layers, spec.n_features), np.float32)
    patch_mean = np.empty((0, spec.n_features), np.float32) if spec.has_patch_mean else None
    if batch.pixels is not None:
        tokens = backbone.encode(batch.pixels)
        cls = tokens.cls.cpu().numpy()
        patch_mean = None if tokens.patch_mean is None else tokens.patch_mean.cpu().numpy()
    n_old = sum(row < start for row in batch.rows)
    rows = batch.rows[n_old:]
    return TokenBatch(
        cls=cls[n_old:],
        patch_mean=None if patch_mean is None else patch_mean[n_old:],
        paths=[images.paths[row] for row in rows],
        rows=np.array(rows, dtype=np.int64),
        skipped=skipped,
        n_seen=batch.stop,
    )


def _skipped(
    images: ImageSet, batch: _DecodedBatch, *, start: int, skip: bool
) -> list[tuple[str, str]]:
    skipped = []
    for row, error in batch.errors:
        if not isinstance(error, UnreadableImageError):
            raise error
        if row < start:
            continue
        if not skip:
            raise UclsError(
                f"cannot read {images.paths[row]}: {error}; repair or remove it, or let "
                "unreadable images be skipped"
            ) from error
        skipped.append((images.paths[row], str(error)))
    return skipped
