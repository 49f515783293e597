"""Images to learn from, as pixels of one size: in memory where they fit, else decoded each epoch.

Shapes: N images, B of a batch, S pixels per side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ucls.backbones.learned import StretchedPixels
from ucls.ensemble.available_memory import available_memory
from ucls.errors import UclsError
from ucls.extraction.workers import worker_options
from ucls.images.files import UnreadableImageError
from ucls.images.sets import ArrayReader, ImageSet
from ucls.machine import processes_here
from ucls.progress import Reporter
from ucls.ranks import everywhere

MARGIN = 8 / 7
"""Side that is kept for crops of one pixel per side, so that large crops need not be enlarged."""
SHARE_OF_MEMORY = 0.5
"""That decoded images may take."""


_CHUNK = 256
_MEASURED = 4096
_LEAST_DEVIATION = 1e-3


class PixelBatch(NamedTuple):
    """Images that are stretched to one shape."""

    rows: NDArray[np.int64]
    """Which they are, [B]."""
    pixels: Tensor
    """uint8 [B, channels, S, S]."""
    sizes: Tensor
    """Their widths and heights before, int32 [B, 2]."""

    @property
    def aspects(self) -> Tensor:
        """Of their widths to their heights before, float32 [B]."""
        return self.sizes[:, 0] / self.sizes[:, 1]


class Pixels(Protocol):
    """Where batches come from."""

    rows: NDArray[np.int64]
    """The images that can be read, as far as it is known, int64 [N], rising."""

    def batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[PixelBatch]:
        """Gives batches of images by their rows, without those that cannot be read."""

    def whole_batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[PixelBatch]:
        """As :meth:`batches`, with the next image in place of one that cannot be read."""


@dataclass(frozen=True)
class Stretch:
    """Stretches a picture to a square. Can be sent to other processes.

    Attributes:
        size: pixels per side.
        channels: 1 for grey, 3 for colour.
    """

    size: int
    channels: int

    def __call__(self, image: Image.Image) -> tuple[Tensor, tuple[int, int]]:
        """Returns uint8 [channels, size, size], and width and height of the picture before."""
        return StretchedPixels((self.size, self.size), self.channels)(image), image.size


class InMemory:
    """All images, decoded.

    Args:
        pixels: uint8 [N, channels, S, S].
        sizes: their widths and heights before, int32 [N, 2].
        rows: those that could be read, int64, rising.
    """

    def __init__(self, pixels: Tensor, sizes: Tensor, rows: NDArray[np.int64]) -> None:
        self._pixels, self._sizes, self.rows = pixels, sizes, rows

    @classmethod
    def of_array(cls, pixels: NDArray[np.uint8]) -> "InMemory":
        """Of pixels [N, S, S] or [N, S, S, 3], copied only where they cannot be written to."""
        planes = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
        sizes = torch.tensor(pixels.shape[2:0:-1], dtype=torch.int32).expand(len(pixels), 2)
        writable = torch.from_numpy(np.require(planes, requirements="W"))
        return cls(writable, sizes, np.arange(len(pixels)))

    @classmethod
    def read(
        cls, images: ImageSet, stretch: Stretch, *, workers: int, reporter: Reporter
    ) -> "InMemory":
        """Decodes images once.

        Args:
            images: to decode.
            stretch: to one size.
            workers: processes that decode.
            reporter: shown how far it is, and what cannot be read.
        """
        shape = (len(images), stretch.channels, stretch.size, stretch.size)
        pixels, sizes = (
            torch.empty(shape, dtype=torch.uint8),
            torch.ones((len(images), 2), dtype=torch.int32),
        )
        is_read = np.zeros(len(images), bool)
        decoded = Decoded(images, stretch, workers=workers, reporter=reporter)
        with reporter.track("pretrain: reads", len(images), "images") as advance:
            order = np.array_split(np.arange(len(images)), max(1, len(images) // _CHUNK))
            for batch in decoded.batches(order):
                pixels[batch.rows], sizes[batch.rows] = batch.pixels, batch.sizes
                is_read[batch.rows] = True
                advance(len(batch.rows))
        return cls(pixels, sizes, np.flatnonzero(is_read))

    def batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[PixelBatch]:
        """Gives batches of images by their rows."""
        for rows in batches:
            yield PixelBatch(rows, self._pixels[rows], self._sizes[rows])

    whole_batches = batches
    """All of its rows can be read."""


class Decoded:
    """Images that are decoded whenever they are asked for; arguments of :meth:`InMemory.read`."""

    def __init__(
        self, images: ImageSet, stretch: Stretch, *, workers: int, reporter: Reporter
    ) -> None:
        self.rows = np.arange(len(images))
        self._images, self._workers, self._reporter = images, workers, reporter
        self._stretch = stretch
        self._told: set[int] = set()

    def batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[PixelBatch]:
        """Gives batches of images by their rows, without those that cannot be read."""
        return self._load(_Stretched(self._images, self._stretch, 1), batches)

    def whole_batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[PixelBatch]:
        """As :meth:`batches`, with the next image in place of one that cannot be read.

        Raises:
            UclsError: if no image can be read.
        """
        loaded = self._load(_Stretched(self._images, self._stretch, len(self._images)), batches)
        for _ in batches:
            batch = next(loaded, None)
            if batch is None:
                raise UclsError(f"none of the images of {self._images.name} can be read")
            yield batch

    def _load(
        self, dataset: "_Stretched", batches: Sequence[NDArray[np.int64]]
    ) -> Iterator[PixelBatch]:
        loader: DataLoader[list[_Item]] = DataLoader(
            dataset,
            batch_sampler=[rows.tolist() for rows in batches],
            collate_fn=_as_they_are,
            generator=torch.Generator(),
            **worker_options(self._workers),
        )
        for tried in loader:
            items = list(chain.from_iterable(tried))
            read = [item for item in items if item.pixels is not None]
            for item in items:
                if item.pixels is None and item.row not in self._told:
                    self._told.add(item.row)
                    path = self._images.paths[item.row]
                    self._reporter.warn(f"{path} is left out: {item.reason}")
            if read:
                yield PixelBatch(
                    np.array([item.row for item in read]),
                    torch.stack([item.pixels for item in read if item.pixels is not None]),
                    torch.tensor([item.before for item in read], dtype=torch.int32),
                )


def load_pixels(
    images: ImageSet, *, size: int, channels: int, workers: int, reporter: Reporter
) -> Pixels:
    """Gets images ready, in memory where they take at most half of what is free.

    Processes of a job (torchrun) share that of their machine, and all do what the least of it is
    enough for.

    Args:
        images: to learn from.
        size: pixels per side of global crops; images of that very size are kept as they are.
        channels: 1 or 3.
        workers: processes that decode.
        reporter: shown what happens.

    Raises:
        UclsError: if no image can be read.
    """
    is_native = images.native == (size, channels)
    if is_native and isinstance(images.reader, ArrayReader):
        return InMemory.of_array(images.reader.pixels)
    stretch = Stretch(size if is_native else round(size * MARGIN), channels)
    n_bytes = len(images) * channels * stretch.size**2
    if any(everywhere(n_bytes > SHARE_OF_MEMORY * available_memory() / processes_here())):
        return Decoded(images, stretch, workers=workers, reporter=reporter)
    found = InMemory.read(images, stretch, workers=workers, reporter=reporter)
    if not len(found.rows):
        raise UclsError(f"none of the images of {images.name} can be read")
    return found


def mean_and_deviation(pixels: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of pixels in 0..1, by channel, over an even sample of the images."""
    rows = pixels.rows
    if len(rows) > _MEASURED:
        rows = rows[np.linspace(0, len(rows) - 1, _MEASURED).astype(np.int64)]
    n_values, total, squares = 0, torch.zeros(()), torch.zeros(())
    for batch in pixels.batches(np.array_split(rows, -(-len(rows) // _CHUNK))):
        values = batch.pixels.double().div_(255).transpose(0, 1).flatten(1)
        n_values += values.shape[1]
        total, squares = total + values.sum(dim=1), squares + values.square().sum(dim=1)
    mean = total / n_values
    deviation = (squares / n_values - mean.square()).clamp_min(0).sqrt()
    return tuple(mean.tolist()), tuple(deviation.clamp_min(_LEAST_DEVIATION).tolist())


class _Item(NamedTuple):
    row: int
    pixels: Tensor | None
    before: tuple[int, int]
    reason: str


class _Stretched(Dataset[list[_Item]]):
    """By row the images that were tried, up to one that can be read, ``most`` of them at most."""

    def __init__(self, images: ImageSet, stretch: Stretch, most: int) -> None:
        self._images, self._stretch, self._most = images, stretch, most

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, row: int) -> list[_Item]:
        tried: list[_Item] = []
        while len(tried) < self._most and (not tried or tried[-1].pixels is None):
            tried.append(self._read((row + len(tried)) % len(self._images)))
        return tried

    def _read(self, row: int) -> _Item:
        try:
            return _Item(row, *self._stretch(self._images.read(row)), "")
        except UnreadableImageError as error:
            return _Item(row, None, (1, 1), str(error))


def _as_they_are(items: list[list[_Item]]) -> list[list[_Item]]:
    return items
