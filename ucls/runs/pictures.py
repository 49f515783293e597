"""The pictures behind a run's rows, where they are still there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.cache import FeatureCache
from ucls.errors import UclsError
from ucls.images.files import UnreadableImageError
from ucls.images.sets import FileReader, ImageSet
from ucls.runs.run import Run

Numbers = NDArray[np.int64]

CHANGED = "the images are not those that the features were extracted from"
LOST = "gone, or changed since its features were extracted"


@dataclass(frozen=True)
class Pictures:
    """The pictures of one split, by row.

    Attributes:
        images: the image set that the features were extracted from, as it is now; None where it
            cannot be had.
        numbers: the place of each row in it, int64 [N]; -1 where its image is gone or was changed.
        reason: why there are none; empty where there are.
    """

    images: ImageSet | None
    numbers: Numbers
    reason: str = ""

    @classmethod
    def of(cls, run: Run, split: str) -> Self:
        """Opens the images that the features of a split were extracted from."""
        with run.features(split) as features:
            numbers, paths = features.image_numbers(), features.paths()
        cache_path = next(iter(run.caches[split].values()))
        images, reason = _reopened(cache_path)
        if images is not None:
            numbers = _numbers_now(images, cache_path, numbers, paths)
            if (numbers < 0).all():
                images, reason = None, CHANGED
        return cls(images, numbers, reason)

    @property
    def n_lost(self) -> int:
        """Rows that have no picture, although others have."""
        return int(np.count_nonzero(self.numbers < 0)) if self else 0

    def __bool__(self) -> bool:
        return self.images is not None

    def read(self, row: int) -> Image.Image:
        """Decodes the picture of a row.

        Raises:
            UnreadableImageError: if it cannot be read any more.
        """
        if self.images is None:
            raise UnreadableImageError(self.reason)
        if self.numbers[row] < 0:
            raise UnreadableImageError(LOST)
        return self.images.read(int(self.numbers[row]))

    def file(self, row: int) -> Path | None:
        """The image file of a row; None where it has no picture, or none in a file of its own."""
        if self.images is None or not isinstance(self.images.reader, FileReader):
            return None
        if self.numbers[row] < 0:
            return None
        reader = self.images.reader
        return reader.root / reader.paths[int(self.numbers[row])]


def _reopened(cache_path: Path) -> tuple[ImageSet | None, str]:
    from ucls.sources import reopen

    with FeatureCache(cache_path) as cache:
        provenance = cache.provenance
        if cache.spec.backbone == "features":
            return None, "features made elsewhere have no pictures"
    try:
        images = reopen(provenance)
    except (KeyError, UclsError) as error:
        return None, f"the images cannot be opened any more: {error}"
    return (images, "") if isinstance(images, ImageSet) else (None, CHANGED)


def _numbers_now(images: ImageSet, cache_path: Path, numbers: Numbers, paths: list[str]) -> Numbers:
    """The place of each row in the image set as it is now, -1 where its image is another or none.

    Args:
        images: as they are now.
        cache_path: of the features.
        numbers: the place of each row in the image set as it was, int64 [N].
        paths: of each row.
    """
    with FeatureCache(cache_path) as cache:
        n_images, stamps = cache.n_images, cache.stamps()
    if images.stamps is None:  # a dataset or an archive, of which nothing tells single images
        is_same = len(images) == n_images
        is_same = is_same and [images.paths[number] for number in numbers.tolist()] == paths
        return numbers if is_same else np.full(len(numbers), -1)
    places = {path: place for place, path in enumerate(images.paths)}
    now = np.array([places.get(path, -1) for path in paths], np.int64)
    if stamps is None:
        return now
    same = (stamps[numbers] == images.stamps[now]) & (now >= 0)[:, None]
    # Where all times are others, the files were copied without them, and only sizes tell.
    is_same = same.all(axis=1) if same[:, 1].any() else same[:, 0]
    return np.where(is_same, now, -1)
