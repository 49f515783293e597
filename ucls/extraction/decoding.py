"""Image files to batches of pixels, in worker processes that keep the model busy."""

import traceback
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ucls.backbones.protocol import Preprocess
from ucls.errors import UclsError
from ucls.extraction.workers import worker_options
from ucls.images.files import STRETCHED, UnreadableImageError
from ucls.images.sets import ImageSet


class Augment(Protocol):
    """Turns a picture into an augmented view of it."""

    def __call__(self, image: Image.Image, /, *, row: int, view: int) -> Tensor:
        """Returns uint8 [channels, height, width]; ``row`` and ``view`` decide what is random."""


@dataclass(frozen=True)
class Views:
    """All views of a picture: the plain one, then augmented ones. Can be sent to workers.

    Attributes:
        plain: makes view 0.
        augment: makes the others.
        n_augmented: how many others there are.
    """

    plain: Preprocess
    augment: Augment | None = None
    n_augmented: int = 0

    def __len__(self) -> int:
        return 1 + self.n_augmented

    def __call__(self, image: Image.Image, row: int) -> Tensor:
        """Returns uint8 [V, channels, height, width]."""
        views = [self.plain(image)]
        if self.augment is not None:
            views += [
                self.augment(image, row=row, view=view) for view in range(1, 1 + self.n_augmented)
            ]
        return torch.stack(views)


@dataclass(frozen=True)
class DecodedBatch:
    """Consecutive images, decoded.

    Attributes:
        rows: positions in the image set of the B images that could be read.
        pixels: uint8 [V, B, channels, height, width]; None if B is 0.
        errors: position and reason of each image that could not be read.
        stop: position after the last image of the batch.
        stretched: positions of the images whose values had no known range.
    """

    rows: list[int]
    pixels: Tensor | None
    errors: list[tuple[int, UclsError]]
    stop: int
    stretched: list[int]

    def pin_memory(self) -> "DecodedBatch":
        """Lets the DataLoader speed up the copy to a GPU."""
        return replace(self, pixels=None if self.pixels is None else self.pixels.pin_memory())


def decode_batches(
    images: ImageSet,
    views: Views,
    *,
    start: int,
    batch_size: int,
    rows: NDArray[np.int64] | None = None,
    workers: int = 0,
    pin_memory: bool = False,
) -> Generator[DecodedBatch]:
    """Decodes images in their order.

    Args:
        images: what to decode.
        views: what becomes of each.
        start: the first image that is needed. Its batch comes whole, whatever lies before it.
        batch_size: batch i holds the images from ``i * batch_size`` on.
        rows: the places of those to decode, int64, rising; None for all. They are batched as if
            there were no others.
        workers: processes that decode; 0 decodes in this one.
        pin_memory: for a GPU.

    Yields:
        The batches from the one that holds ``start`` on.

    Raises:
        UclsError: if a worker process dies.
    """
    wanted = np.arange(len(images)) if rows is None else rows
    n_done = int(np.searchsorted(wanted, start))
    if n_done == len(wanted):
        return
    firsts = range(n_done - n_done % batch_size, len(wanted), batch_size)
    batches = [wanted[first : first + batch_size].tolist() for first in firsts]
    loader = DataLoader(
        _Decoder(images, views),
        batch_sampler=batches,
        collate_fn=_collate,
        pin_memory=pin_memory,
        generator=torch.Generator(),  # otherwise the loader draws from the global one
        **worker_options(workers),
    )
    try:
        yield from loader
    except Exception as error:
        reason = str(error).strip().rsplit("\n", 1)[-1]
        raise UclsError(
            f"the processes that read the images of {images.name} failed ({reason}): "
            "try --set extract.workers=0"
        ) from error


@dataclass(frozen=True)
class _Decoded:
    row: int
    pixels: Tensor | None
    error: UclsError | None
    is_stretched: bool = False


class _Decoder(Dataset[_Decoded]):
    """Decodes one image; runs in worker processes."""

    def __init__(self, images: ImageSet, views: Views) -> None:
        self._images = images
        self._views = views

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, row: int) -> _Decoded:
        try:
            image = self._images.read(row)
            return _Decoded(row, self._views(image, row), None, STRETCHED in image.info)
        except UnreadableImageError as error:
            return _Decoded(row, None, error)
        except Exception as error:  # noqa: BLE001 - raised in the main process, naming the image
            failure = UclsError(
                f"cannot preprocess {self._images.paths[row]}: {type(error).__name__}: {error}"
            )
            failure.add_note(traceback.format_exc())
            return _Decoded(row, None, failure)


def _collate(items: list[_Decoded]) -> DecodedBatch:
    pixels = [item.pixels for item in items if item.pixels is not None]
    return DecodedBatch(
        rows=[item.row for item in items if item.pixels is not None],
        pixels=torch.stack(pixels, dim=1) if pixels else None,
        errors=[(item.row, item.error) for item in items if item.error is not None],
        stop=items[-1].row + 1,
        stretched=[item.row for item in items if item.is_stretched],
    )
