"""Reading a feature cache."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from ucls.cache.features.layout import FEATURE_FORMAT, decode, open_tokens, read_provenance
from ucls.cache.features.rows import ROWS_PER_CHUNK
from ucls.cache.features.slabs import Rows, plan_slabs, resolve_rows
from ucls.cache.features.spec import FEATURE_SETS, FeatureSpec, size_text
from ucls.cache.files import partial_path
from ucls.cache.hdf5 import damage_errors, open_hdf5
from ucls.errors import MismatchError, UsageError

if TYPE_CHECKING:
    from torch import Tensor


class FeatureCache:
    """A finished feature cache, open for reading; a context manager.

    In a notebook::

        cache = open_cache("digits-train")
        features = cache.read("cls", slice(100))

    Attributes:
        path: the file.
        spec: the settings it was made with.
        n_rows: images in it (N); those that could not be read are not counted.
        n_images: images in the image set, readable or not.

    Args:
        path: the file.
        expected: the settings it has to be made with; None: any.

    Raises:
        UsageError: when the file is missing, unfinished, truncated, of another format or of a
            newer version.
        MismatchError: when it was made with other settings than ``expected``.
    """

    def __init__(self, path: str | Path, *, expected: FeatureSpec | None = None) -> None:
        self.path = Path(path)
        self._file = self._open()
        try:
            with damage_errors(self.path, FEATURE_FORMAT):
                self._check_complete()
                self.spec = FeatureSpec.from_attributes(self._file.attrs)
                self.n_rows = int(self._file.attrs["rows_written"])
                self.n_images = int(self._file.attrs["n_images"])
                self._check_shapes()
                self._tokens = open_tokens(self._file)
            self._check_expected(expected)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; nothing can be read afterwards."""
        self._file.close()

    def __len__(self) -> int:
        return self.n_rows

    def __repr__(self) -> str:
        spec = self.spec
        views = "" if spec.n_views == 1 else f", {spec.n_views} views"
        sets = ", ".join(f"{name} ({spec.width(name)})" for name in self.feature_sets)
        return (
            f"<FeatureCache {self.path.name}: {self.n_rows:,} images of {spec.dataset} "
            f"{spec.split}{views}, {spec.backbone} at {size_text(spec.image_size)} px, "
            f"{spec.dtype}; {sets}>"
        )

    @property
    def n_views(self) -> int:
        """The plain image and its augmented views (V)."""
        return self.spec.n_views

    @property
    def provenance(self) -> dict[str, Any]:
        """How the cache was made, as far as it tells; empty for older files."""
        with damage_errors(self.path, FEATURE_FORMAT):
            return read_provenance(self._file)

    @property
    def n_layers(self) -> int:
        """Blocks whose class token is kept (L)."""
        return self.spec.n_layers

    @property
    def n_features(self) -> int:
        """Width of a token (D)."""
        return self.spec.n_features

    @property
    def feature_sets(self) -> list[str]:
        """The feature sets that :meth:`read` can give."""
        return self.spec.feature_sets

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Path and reason of each image that could not be read."""
        with damage_errors(self.path, FEATURE_FORMAT):
            group = self._file["skipped"]
            return list(zip(decode(group["path"]), decode(group["reason"]), strict=True))

    def paths(self, rows: Rows = None) -> list[str]:
        """Returns where images came from: all N paths in dataset order, or those of ``rows``.

        Raises:
            UsageError: when a row does not exist, or the file is damaged.
        """
        numbers = resolve_rows(rows, self.n_rows)
        paths = np.empty(len(numbers), dtype=object)
        with damage_errors(self.path, FEATURE_FORMAT):
            for slab in plan_slabs(numbers, ROWS_PER_CHUNK):
                texts = decode(self._file["path"], slice(slab.start, slab.stop))
                paths[slab.into] = texts[slab.pick]
        return paths.tolist()

    def image_numbers(self) -> NDArray[np.int64]:
        """Returns the place of each row in the image set, int64 [N], where skipped images count."""
        with damage_errors(self.path, FEATURE_FORMAT):
            return np.delete(np.arange(self.n_images), self._file["skipped/index"][:])

    def labels(self) -> NDArray[np.int32] | None:
        """Returns the labels, int32 [N], or None when they were not known at the extraction."""
        with damage_errors(self.path, FEATURE_FORMAT):
            if "labels" not in self._file:
                return None
            labels: NDArray[np.int32] = self._file["labels/class"][:]
            return labels

    def class_names(self) -> list[str] | None:
        """Returns the name of each class, or None when they were not known."""
        with damage_errors(self.path, FEATURE_FORMAT):
            if "labels/class_names" not in self._file:
                return None
            names: list[str] = decode(self._file["labels/class_names"]).tolist()
            return names

    def stamps(self) -> NDArray[np.int64] | None:
        """Returns what tells whether the files of all images are still the same.

        Returns:
            int64 [n_images, 2], bytes and nanoseconds since 1970, -1 for a file that was missing,
            skipped images among them; None for images without files, and for older caches.
        """
        with damage_errors(self.path, FEATURE_FORMAT):
            return self._file["stamps"][:] if "stamps" in self._file else None

    def image_paths(self) -> list[str]:
        """Returns the path of every image of the image set, in its order, skipped ones too."""
        paths = np.empty(self.n_images, dtype=object)
        paths[self.image_numbers()] = self.paths()
        with damage_errors(self.path, FEATURE_FORMAT):
            paths[self._file["skipped/index"][:]] = decode(self._file["skipped/path"])
        return paths.tolist()

    def width(self, feature_set: str) -> int:
        """Returns the number of columns D' of a feature set.

        Raises:
            UsageError: when this cache cannot give it.
        """
        return self.spec.width(feature_set)

    def read(
        self,
        feature_set: str,
        rows: Rows = None,
        *,
        dtype: DTypeLike = np.float32,
        view: int = 0,
    ) -> NDArray[Any]:
        """Reads features; beside the result only one chunk of rows is in memory.

        The class tokens of the last blocks come oldest first, then the mean patch token, as in
        DINOv2's linear evaluation.

        Args:
            feature_set: one of :attr:`feature_sets`.
            rows: a slice, row numbers [n] in any order, or None for all rows.
            dtype: of the result; that of the file (``spec.dtype``) is the fastest.
            view: 0 for the plain image, from 1 on its augmented views.

        Returns:
            Array [n, D'], with D' = ``width(feature_set)``.

        Raises:
            UsageError: when this cache cannot give the feature set, a row or the view does not
                exist, or the file is damaged.
        """
        self._check_view(view)
        n_vectors = self.width(feature_set) // self.n_features
        n_blocks, with_patch = FEATURE_SETS[feature_set]
        numbers = resolve_rows(rows, self.n_rows)
        vectors = np.empty((len(numbers), n_vectors, self.n_features), dtype)
        layers = range(self.n_layers - n_blocks, self.n_layers)
        with damage_errors(self.path, FEATURE_FORMAT):
            cls = self._tokens["cls"]
            for slab in plan_slabs(numbers, ROWS_PER_CHUNK):
                span = slice(slab.start, slab.stop)
                for column, layer in enumerate(layers):
                    vectors[slab.into, column] = cls[view, span, layer][slab.pick]
                if with_patch:
                    vectors[slab.into, -1] = self._tokens["patch_mean"][view, span][slab.pick]
        return vectors.reshape(len(vectors), n_vectors * self.n_features)

    def read_torch(self, feature_set: str, rows: Rows = None, **options: Any) -> "Tensor":
        """As :meth:`read`, with its options, as a tensor over the same memory; imports torch."""
        import torch

        return torch.from_numpy(self.read(feature_set, rows, **options))

    def read_tokens(self, rows: Rows = None) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Reads all that is kept of images, as a writer takes it.

        Args:
            rows: as in :meth:`read`.

        Returns:
            Class tokens [V, n, L, D] and mean patch tokens [V, n, D], or None where there are
            none, in the dtype of the file.

        Raises:
            UsageError: as :meth:`read`.
        """
        numbers = resolve_rows(rows, self.n_rows)
        found = {}
        with damage_errors(self.path, FEATURE_FORMAT):
            for name, dataset in self._tokens.items():
                shape = (dataset.shape[0], len(numbers), *dataset.shape[2:])
                found[name] = np.empty(shape, dataset.dtype)
                for slab in plan_slabs(numbers, ROWS_PER_CHUNK):
                    block = dataset[:, slab.start : slab.stop]
                    found[name][:, slab.into] = block[:, slab.pick]
        return found["cls"], found.get("patch_mean")

    def batches(
        self, feature_set: str, *, batch_size: int = 4096, **options: Any
    ) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Reads all rows, a bounded number of them at a time.

        Args:
            feature_set: one of :attr:`feature_sets`.
            batch_size: rows at a time (B), at least 1.
            options: those of :meth:`read`.

        Yields:
            Which rows these are, and their features [B, D'].

        Raises:
            UsageError: as :meth:`read`, and for another batch size.
        """
        if batch_size < 1:
            raise UsageError(f"expected a batch size of at least 1, got {batch_size}")
        for start in range(0, self.n_rows, batch_size):
            rows = slice(start, min(start + batch_size, self.n_rows))
            yield rows, self.read(feature_set, rows, **options)

    def _check_view(self, view: int) -> None:
        if not 0 <= view < self.n_views:
            raise UsageError(
                f"expected a view from 0 to {self.n_views - 1} in {self.path}, got {view}; "
                "more are stored by `ucls extract` with --views"
            )

    def _open(self) -> h5py.File:
        partial = partial_path(self.path)
        if not self.path.exists() and partial.exists():
            raise UsageError(
                f"{self.path} is not finished: only {partial} is there; "
                "run `ucls extract` again, it goes on where it stopped"
            )
        if not self.path.exists():
            raise UsageError(f"there is no feature cache at {self.path}; run `ucls extract`")
        return open_hdf5(self.path, FEATURE_FORMAT)

    def _check_complete(self) -> None:
        if not self._file.attrs["complete"]:
            raise UsageError(
                f"{self.path} is not finished: {self._file.attrs['n_seen']} of "
                f"{self._file.attrs['n_images']} images are done; "
                f"{FEATURE_FORMAT.remedy}"
            )

    def _check_shapes(self) -> None:
        spec, n_rows = self.spec, self.n_rows
        views, layers, width = spec.n_views, spec.n_layers, spec.n_features
        wanted: dict[str, tuple[int, ...]] = {"cls": (views, n_rows, layers, width)}
        if spec.has_patch_mean:
            wanted["patch_mean"] = (views, n_rows, width)
        for name, shape in wanted.items():
            if self._file[name].shape != shape or self._file[name].dtype != spec.dtype:
                raise ValueError(f"expected {name} {list(shape)}")
        if self._file["path"].shape != (n_rows,):
            raise ValueError(f"expected {n_rows} paths")

    def _check_expected(self, expected: FeatureSpec | None) -> None:
        if expected and (differences := self.spec.differences(expected)):
            raise MismatchError(
                f"{self.path} was made with other settings: {'; '.join(differences)}; "
                "pass --overwrite to make it again, or another --cache-dir to keep both"
            )
