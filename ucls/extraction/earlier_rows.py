"""What a feature cache still has of an image set that has changed since."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from ucls.cache import FeatureCache, FeatureCacheWriter
from ucls.images.feature_files import FeatureArray
from ucls.images.sets import NO_STAMP, ImageSet

COPIED_AT_ONCE = 1024


class EarlierRows:
    """The rows of a cache whose images have not changed since, for the cache that replaces it.

    An image has not changed if its path, the size of its file and the time of its last change are
    the same. Where augmented views are kept its place has to be the same too, as it decides them.

    Attributes:
        spec: of the cache.
        missing: places of the images that have to be extracted, int64, rising.
        n_new: images that the cache is not of.
        n_gone: images that are no more.
        changed: places of the images whose files are others, int64.

    Args:
        cache: of the images as they were; has to stay open.
        images: as they are now.
        stamps: of the images of the cache, int64 [n_images, 2].
    """

    def __init__(self, cache: FeatureCache, images: ImageSet, stamps: NDArray[np.int64]) -> None:
        self._cache, self._paths, self.spec = cache, images.paths, cache.spec
        numbers = {path: number for number, path in enumerate(cache.image_paths())}
        then = np.array([numbers.get(path, -1) for path in images.paths], np.int64)
        is_known = then >= 0
        is_same = is_known & (stamps[then] == images.stamps).all(axis=1)
        is_same &= stamps[then, 0] != NO_STAMP
        self.n_new = int(np.count_nonzero(~is_known))
        self.n_gone = len(numbers) - int(np.count_nonzero(is_known))
        self.changed = np.flatnonzero(is_known & ~is_same)
        if cache.n_views > 1:
            is_same &= then == np.arange(len(then))
        row_of = np.full(cache.n_images, -1, np.int64)
        row_of[cache.image_numbers()] = np.arange(cache.n_rows)
        self._rows = np.where(is_same, row_of[then], -1)
        self.missing = np.flatnonzero(self._rows < 0)

    @classmethod
    def of(cls, cache: FeatureCache, images: ImageSet | FeatureArray) -> Self | None:
        """Compares images with a cache; None if nothing tells which of them have changed."""
        stamps = cache.stamps()
        if isinstance(images, FeatureArray) or images.stamps is None or stamps is None:
            return None
        return cls(cache, images, stamps)

    def __str__(self) -> str:
        """Such as ``3 new, 1 gone, 2 changed, 1,237 from the cache``."""
        n_kept = len(self._rows) - len(self.missing)
        return (
            f"{self.n_new:,} new, {self.n_gone:,} gone, {len(self.changed):,} changed, "
            f"{n_kept:,} from the cache"
        )

    def copy_to(self, writer: FeatureCacheWriter, stop: int) -> None:
        """Hands on the rows from where the writer is to ``stop``, or to the first that is missing.

        Raises:
            UsageError: if the cache is damaged.
            UclsError: if the disk is full.
        """
        next_missing = np.searchsorted(self.missing, writer.n_seen)
        stop = min([stop, *self.missing[next_missing : next_missing + 1]])
        while (start := writer.n_seen) < stop:
            end = min(start + COPIED_AT_ONCE, stop)
            cls, patch_mean = self._cache.read_tokens(self._rows[start:end])
            writer.append(cls, patch_mean, self._paths[start:end])
