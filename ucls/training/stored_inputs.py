"""What heads see of the images, left on disk and read for each batch ahead of time.

Shapes: V views, N images, D prepared features, d inputs.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ucls.cache.head_inputs import HeadInputsFile, has_head_inputs, write_head_inputs
from ucls.heads.inputs import HeadInputs
from ucls.preparation.columns import CHUNK
from ucls.ranks import agreed
from ucls.tables import RowTable

Place = tuple[int | torch.Tensor, torch.Tensor | slice]
"""Views, one for all images or int64 [n], and images, int64 [n] or neighbouring ones."""


class StoredInputs:
    """Inputs [V, N, d] in a file; as a tensor, but by views and images alone.

    Args:
        file: of rows, view after view.
        n_images: N.
        device: where they are wanted.
    """

    def __init__(self, file: HeadInputsFile, n_images: int, device: torch.device) -> None:
        self._file, self._n_images, self._device = file, n_images, device
        self._reader = ThreadPoolExecutor(1)
        self._expected: tuple[Place, Future[torch.Tensor]] | None = None

    def __len__(self) -> int:
        """V."""
        return self._file.shape[0] // self._n_images

    def __getitem__(self, place: Place) -> torch.Tensor:
        """The inputs [n, d] of images in views, float32."""
        expected, self._expected = self._expected, None
        if expected is not None and _is_same(place, expected[0]):
            return expected[1].result().to(self._device)
        return self._read(place).to(self._device)

    def expect(self, place: Place) -> None:
        """Begins to read what is asked for next."""
        self._expected = (place, self._reader.submit(self._read, place))

    def _read(self, place: Place) -> torch.Tensor:
        views, images = place
        if isinstance(images, slice):
            start, stop, _ = images.indices(self._n_images)
            first = int(views) * self._n_images
            found = self._file.read(slice(first + start, first + stop))
        else:
            found = self._file.gather((views * self._n_images + images).cpu().numpy())
        return torch.from_numpy(found).float()


def _is_same(one: Place, other: Place) -> bool:
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a is b
        for a, b in zip(one, other, strict=True)
    )


class ViewsOnDisk:
    """Prepared features of all views, and the file that inputs made of them go to.

    Args:
        views: the plain images and their augmented views, [N, D] each.
        path: of the file; one that is whole and has the key is taken as it is.
        key: tells the inputs from others.
        device: where features and inputs are wanted.

    Attributes:
        shape: V, N and D.
        plain: the plain images, [N, D].
    """

    def __init__(
        self, views: Sequence[RowTable], path: Path, *, key: str, device: torch.device
    ) -> None:
        self.shape, self.plain = (len(views), *views[0].shape), views[0]
        self._views, self._path, self._key, self._device = views, path, key, device

    def rows(self, n_views: int) -> "RowsOnDisk":
        """The features of the first views."""
        return RowsOnDisk(self._views[:n_views], self._device)

    def store(self, inputs: HeadInputs, n_views: int) -> StoredInputs:
        """Writes what heads see of the first views, one process for all, unless it is there."""
        agreed(partial(self._write, inputs, self.rows(n_views)))
        return StoredInputs(HeadInputsFile(self._path), self.shape[1], self._device)

    @torch.no_grad()
    def _write(self, inputs: HeadInputs, rows: "RowsOnDisk") -> None:
        if has_head_inputs(self._path, self._key):
            return
        dtype = stored_dtype(not isinstance(inputs.batch_norm, nn.Identity))
        largest = torch.finfo(dtype).max
        parts = (
            inputs.of_prepared(rows[start : start + CHUNK]).clamp_(-largest, largest).to(dtype)
            for start in range(0, len(rows), CHUNK)
        )
        write_head_inputs(
            self._path,
            (part.cpu().numpy() for part in parts),
            shape=(len(rows), inputs.n_inputs),
            dtype=str(dtype).removeprefix("torch."),
            key=self._key,
        )


def stored_dtype(batch_norm: bool, /) -> torch.dtype:
    """Half precision for columns of mean 0 and variance 1; it need not hold others."""
    return torch.float16 if batch_norm else torch.float32


class RowsOnDisk:
    """Features of all views, one after the other, [V * N, D]; as a tensor, but by slices alone.

    Args:
        views: of N images each.
        device: where they are wanted.
    """

    def __init__(self, views: Sequence[RowTable], device: torch.device) -> None:
        self.device = device
        self._views, self._n_images = views, len(views[0])
        self.shape = (len(views) * self._n_images, views[0].shape[1])

    def __len__(self) -> int:
        """V * N."""
        return self.shape[0]

    def __getitem__(self, rows: slice) -> torch.Tensor:
        """Some of them, float32 [n, D]."""
        numbers = np.asarray(range(len(self))[rows])
        of_view, images = np.divmod(numbers, self._n_images)
        parts = [self._views[view][images[of_view == view]] for view in np.unique(of_view)]
        joined = np.concatenate(parts).astype(np.float32, copy=False)
        return torch.from_numpy(joined).to(self.device)
