"""Writing a feature cache: chunk by chunk, resumable after a kill at any moment."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ucls.cache.features.completion import NamedLabels, complete
from ucls.cache.features.layout import commit, read_provenance, write_rows
from ucls.cache.features.resume import open_partial, remove_leftovers
from ucls.cache.features.rows import RowBuffer, check_batch
from ucls.cache.features.spec import FeatureSpec
from ucls.cache.files import partial_path, publish, write_errors
from ucls.errors import UclsError, UsageError


class FeatureCacheWriter:
    """Writes the features of ``n_images`` images, in dataset order; a context manager.

    Every image is handed over once, in the order of the dataset: to :meth:`append` when it
    could be read, otherwise to :meth:`skip`. A batch with an unreadable image in its middle
    therefore takes an append, a skip and an append. Inside the ``with`` block,
    :attr:`n_seen` tells where an earlier, interrupted writer stopped. Leaving the block
    without :meth:`finish` keeps the ``.partial`` file for the next one.

    Attributes:
        provenance: inside the ``with`` block, what the writer that began the cache was given.

    Args:
        path: final name of the cache.
        spec: the settings it is made with.
        n_images: images in the dataset (N), readable or not.
        provenance: how the cache can be made again: what JSON can hold, for the reader's use. It
            does not tell caches apart.
        overwrite: drop a finished or unfinished file instead of keeping or resuming it.
        lock_timeout: seconds to wait for another writer of the same cache.

    Raises:
        UsageError: when there are no images, the provenance is not JSON, or a newer UCLS made
            the unfinished file.
        UclsError: on entering, when another process writes this cache, it is finished already,
            or the disk is too small.
        MismatchError: on entering, when the unfinished file was made with another spec.
    """

    # Caches that this process failed to write to: HDF5 keeps their files open, half written.
    _failed: ClassVar[set[Path]] = set()

    def __init__(
        self,
        path: Path,
        spec: FeatureSpec,
        n_images: int,
        *,
        provenance: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        lock_timeout: float = 10.0,
    ) -> None:
        if n_images < 1:
            raise UsageError(f"expected at least one image to extract, got {n_images}")
        self.path = path
        self.spec = spec
        self.n_images = n_images
        self._provenance = _to_json(provenance or {})
        self._overwrite = overwrite
        self._lock = FileLock(f"{path}.lock", timeout=lock_timeout)
        self._labels: NamedLabels | None = None
        self._stamps: NDArray[np.int64] | None = None

    def __enter__(self) -> Self:
        if self.path in self._failed:
            raise UclsError(
                f"an earlier write to {self.path} failed, and HDF5 does not recover from that; "
                "start Python anew, then run again"
            )
        with write_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except Timeout as error:
                raise UclsError(
                    f"another process is writing {self.path} and holds {self._lock.lock_file}; "
                    "wait for it to finish, or stop it, then run again"
                ) from error
            try:
                self._file, self._log = open_partial(
                    self.path,
                    self.spec,
                    self.n_images,
                    provenance=self._provenance,
                    overwrite=self._overwrite,
                )
            except BaseException:
                self._lock.release()
                raise
        self.provenance = read_provenance(self._file)
        self._rows_written = int(self._file.attrs["rows_written"])
        self._n_skipped = int(self._file.attrs["n_seen"]) - self._rows_written
        self._buffer = RowBuffer(self.spec)
        return self

    def __exit__(self, *_: object) -> None:
        # What a full disk keeps from being flushed now was not committed either.
        for part in (self._file, self._log):
            with contextlib.suppress(OSError, RuntimeError):
                part.close()
        self._lock.release()

    @property
    def n_seen(self) -> int:
        """Images handled: rows appended plus images skipped. The next image is number n_seen."""
        return self._rows_written + len(self._buffer) + self._n_skipped

    @property
    def n_skipped(self) -> int:
        """Images skipped so far, by earlier writers too."""
        return self._n_skipped

    def append(
        self, cls: NDArray[Any], patch_mean: NDArray[Any] | None, paths: Sequence[str]
    ) -> None:
        """Adds the next B images.

        Args:
            cls: floating-point class tokens [V, B, L, D].
            patch_mean: floating-point mean patch tokens [V, B, D], or None without them.
            paths: B names of the images.

        Raises:
            UsageError: for wrong shapes, more images than announced, NaN, infinity, or values
                too large for the dtype; nothing of the batch is added then.
            UclsError: when the disk is full.
        """
        self._check_room(len(paths))
        cls, patch_mean = check_batch(self.spec, (cls, patch_mean), paths)
        start = 0
        while start < len(paths):
            rest = None if patch_mean is None else patch_mean[:, start:]
            n_taken = self._buffer.take(cls[:, start:], rest)
            with write_errors(self.path):
                for path in paths[start : start + n_taken]:
                    self._log.add(path)
            start += n_taken
            if self._buffer.is_full:
                self._commit()

    def skip(self, path: str, reason: str) -> None:
        """Notes that the next image could not be read.

        Raises:
            UsageError: when there are more images than announced.
            UclsError: when the disk is full.
        """
        self._check_room(1)
        with write_errors(self.path):
            self._log.add(path, reason)
        self._n_skipped += 1

    def write_labels(
        self, labels: NDArray[np.integer[Any]], class_names: Sequence[str] | None = None
    ) -> None:
        """Takes the labels, which :meth:`finish` writes for the images that were not skipped.

        They are not kept in the ``.partial`` file: a resumed writer needs them again.

        Args:
            labels: integers [N], of all images of the dataset in its order; -1 if unknown.
            class_names: name of each class, where known.

        Raises:
            UsageError: for another shape or dtype.
        """
        if labels.shape != (self.n_images,) or labels.dtype.kind not in "iu":
            raise UsageError(
                f"expected {self.n_images} integer labels, one per image of the dataset, "
                f"got {labels.dtype} {labels.shape}"
            )
        self._labels = labels.astype(np.int32), class_names

    def write_stamps(self, stamps: NDArray[np.int64]) -> None:
        """Takes what tells whether each image is still the same, which :meth:`finish` writes.

        Like labels, they are not kept in the ``.partial`` file.

        Args:
            stamps: int64 [N, 2], bytes of the file of each image of the dataset and the time of its
                last change in nanoseconds since 1970; -1 where it is missing.

        Raises:
            UsageError: for another shape or dtype.
        """
        if stamps.shape != (self.n_images, 2) or stamps.dtype != np.int64:
            raise UsageError(
                f"expected stamps as int64 {(self.n_images, 2)}, got {stamps.dtype} {stamps.shape}"
            )
        self._stamps = stamps

    def keep(self) -> None:
        """Writes what is left, and leaves the file unfinished, as a part of another cache.

        Raises:
            UclsError: when the disk is full.
        """
        self._commit()

    def finish(self) -> None:
        """Writes what is left and gives the file its final name.

        Raises:
            UsageError: when images are missing, or none could be read.
            UclsError: when the disk is full.
        """
        if self.n_seen != self.n_images:
            raise UsageError(
                f"expected {self.n_images} images before finishing {self.path}, "
                f"got {self.n_seen}; append or skip the others first"
            )
        if self._n_skipped == self.n_images:
            self._file.close()
            self._log.close()
            remove_leftovers(self.path)
            raise UsageError(
                f"none of the images of {self.spec.dataset} could be read; "
                "check that the source holds images"
            )
        with self._writing():
            self._commit()
            self._file.close()
            complete(self.path, self._log, self._labels, stamps=self._stamps)
            publish(partial_path(self.path), self.path)
            self._log.close()
            remove_leftovers(self.path)

    def _check_room(self, n_new: int) -> None:
        if self.n_seen + n_new > self.n_images:
            raise UsageError(
                f"expected {self.n_images} images in all, got {self.n_seen + n_new}; "
                "announce the right number"
            )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with write_errors(self.path):
                yield
        except UclsError:
            self._failed.add(self.path)
            raise

    def _commit(self) -> None:
        with self._writing():
            self._log.flush()
            if len(self._buffer):
                write_rows(self._file, self._rows_written, self._buffer)
            self._rows_written += len(self._buffer)
            self._buffer.clear()
            commit(self._file, self._rows_written, self._rows_written + self._n_skipped)


def _to_json(provenance: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(provenance), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"expected a provenance of texts, numbers and lists, as JSON has them: {error}"
        ) from error
