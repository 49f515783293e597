"""The features of a run's images: one or several caches, and perhaps a part of their rows."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ucls.cache import FeatureCache, FeatureSpec
from ucls.errors import MismatchError, UsageError
from ucls.feature_sets import parse_features, side_by_side
from ucls.tables import Rows, RowTable

Caches = dict[str, dict[str, Path]]
"""Split to backbone to feature cache."""


class Classes(NamedTuple):
    """How a dataset sees the classes of an image set that it shares with others."""

    kept: tuple[str, ...] | None = None
    """The classes whose images it has (ImageNet-100); None for all."""
    merged: Mapping[str, str] | None = None
    """Class to superclass (CIFAR-20); None where classes stay as they are."""

    def names(self, cached: list[str]) -> list[str]:
        """The dataset's own classes, of those that the image set has."""
        names = cached if self.kept is None else list(self.kept)
        return names if self.merged is None else sorted({self.merged[name] for name in names})


class SplitFeatures:
    """The features of one split, open for reading; a context manager.

    Args:
        caches: backbone to its feature cache, all of the same image set.
        classes: how the dataset sees the classes of the image set.

    Raises:
        UsageError: if a cache is gone or damaged.
        MismatchError: if the caches hold different images.
    """

    def __init__(self, caches: Mapping[str, Path], *, classes: Classes | None = None) -> None:
        self._classes = classes or Classes()
        with ExitStack() as stack:
            self._caches = {
                name: stack.enter_context(FeatureCache(path)) for name, path in caches.items()
            }
            self._first = next(iter(self._caches.values()))
            self._check_same_images()
            self._rows = self._kept_rows()
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return self._first.n_rows if self._rows is None else len(self._rows)

    @property
    def specs(self) -> dict[str, FeatureSpec]:
        """Backbone to what its cache was made with."""
        return {name: cache.spec for name, cache in self._caches.items()}

    @property
    def dtype(self) -> str:
        """The precision that the caches have on disk: ``float16`` or ``float32``."""
        return self._first.spec.dtype

    @property
    def n_views(self) -> int:
        """Views that all caches hold, the plain one included."""
        return min(spec.n_views for spec in self.specs.values())

    def read(
        self,
        features: str,
        *,
        dtype: DTypeLike = np.float32,
        view: int = 0,
        rows: Rows | None = None,
    ) -> NDArray[np.floating]:
        """Reads the features [N, D'] of all images, or [n, D'] of some.

        Args:
            features: such as ``cls+patch``, or ``cls@NAME,cls@OTHER``; see
                :func:`ucls.feature_sets.side_by_side`.
            dtype: of the result.
            view: 0 is the plain one.
            rows: the images wanted, a slice or int64 [n]; None for all.
        """
        wanted = rows
        if self._rows is not None:
            wanted = self._rows if rows is None else self._rows[rows]
        return side_by_side(
            [
                self._cache(part.backbone).read(part.feature_set, wanted, dtype=dtype, view=view)
                for part in parse_features(features)
            ]
        )

    def table(self, features: str, *, dtype: DTypeLike = np.float32, view: int = 0) -> RowTable:
        """The features [N, D'] to read by rows while this is open; arguments as of :meth:`read`."""
        parts = parse_features(features)
        width = sum(self._cache(part.backbone).width(part.feature_set) for part in parts)

        def read(rows: Rows) -> NDArray[np.floating]:
            return self.read(features, dtype=dtype, view=view, rows=rows)

        return RowTable(read, (len(self), width), dtype)

    def paths(self) -> list[str]:
        """The N paths, in the order of the rows."""
        paths = self._first.paths()
        return paths if self._rows is None else [paths[row] for row in self._rows]

    def image_numbers(self) -> NDArray[np.int64]:
        """The place of each row in the image set, int64 [N]."""
        numbers = self._first.image_numbers()
        return numbers if self._rows is None else numbers[self._rows]

    def _cache(self, backbone: str | None) -> FeatureCache:
        return self._first if backbone is None else self._caches[backbone]

    def _kept_rows(self) -> NDArray[np.int64] | None:
        """The rows of the classes that the dataset keeps; this defines it, and is no label use."""
        if self._classes.kept is None:
            return None
        labels, names = self._first.labels(), self._first.class_names()
        if labels is None or names is None:
            raise UsageError(
                f"{self._first.path} holds no classes to choose images by; "
                "run the same `ucls run` with --overwrite"
            )
        kept = np.flatnonzero(np.isin(names, self._classes.kept))
        return np.flatnonzero(np.isin(labels, kept))

    def _check_same_images(self) -> None:
        first, *others = self._caches.values()
        paths = first.paths() if others else []
        for cache in others:
            if cache.paths() != paths:
                raise MismatchError(
                    f"{first.path} and {cache.path} hold different images, perhaps because some "
                    "could not be read at one time; run `ucls cache rm` with both, then the same "
                    "command again"
                )


def skipped_images(caches: Caches) -> list[tuple[str, str, str]]:
    """Path, split and reason of each image that could not be read."""
    rows = []
    for split, by_backbone in caches.items():
        with FeatureCache(next(iter(by_backbone.values()))) as cache:
            rows += [(image, split, reason) for image, reason in cache.skipped]
    return rows
