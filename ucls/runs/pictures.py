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

CHANGED = "the images are not those that the features were extracted from"


@dataclass(frozen=True)
class Pictures:
    """The pictures of one split, by row.

    Attributes:
        images: the image set that the features were extracted from; None where it cannot be had.
        numbers: the place of each row in it, int64 [N].
        reason: why there are none; empty where there are.
    """

    images: ImageSet | None
    numbers: NDArray[np.int64]
    reason: str = ""

    @classmethod
    def of(cls, run: Run, split: str) -> Self:
        """Opens the images that the features of a split were extracted from."""
        with run.features(split) as features:
            numbers, paths = features.image_numbers(), features.paths()
        images, reason = _reopened(next(iter(run.caches[split].values())))
        if images and [images.paths[number] for number in numbers.tolist()] != paths:
            images, reason = None, CHANGED
        return cls(images, numbers, reason)

    def __bool__(self) -> bool:
        return self.images is not None

    def read(self, row: int) -> Image.Image:
        """Decodes the picture of a row.

        Raises:
            UnreadableImageError: if it cannot be read any more.
        """
        if self.images is None:
            raise UnreadableImageError(self.reason)
        return self.images.read(int(self.numbers[row]))

    def file(self, row: int) -> Path | None:
        """The image file of a row; None where pictures are no files of their own."""
        if self.images is None or not isinstance(self.images.reader, FileReader):
            return None
        reader = self.images.reader
        return reader.root / reader.paths[int(self.numbers[row])]


def _reopened(cache_path: Path) -> tuple[ImageSet | None, str]:
    from ucls.sources import reopen

    with FeatureCache(cache_path) as cache:
        provenance, n_images = cache.provenance, cache.n_images
        if cache.spec.backbone == "features":
            return None, "features made elsewhere have no pictures"
    try:
        images = reopen(provenance)
    except (KeyError, UclsError) as error:
        return None, f"the images cannot be opened any more: {error}"
    if not isinstance(images, ImageSet) or len(images) != n_images:
        return None, CHANGED
    return images, ""
