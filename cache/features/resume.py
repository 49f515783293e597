"""Opening a feature cache to write, or to go on where a killed writer left it."""

import contextlib
import shutil
from pathlib import Path

import h5py

from ucls.cache.features.image_log import ImageLog
from ucls.cache.features.layout import FEATURE_FORMAT, create_features, read_provenance
from ucls.cache.features.spec import FeatureSpec
from ucls.cache.features.undo import restore_structure
from ucls.cache.files import partial_path, reserve, temporary_path
from ucls.cache.hdf5 import DAMAGE, check_format
from ucls.errors import MismatchError, UclsError
from ucls.wording import cause, count


class AlreadyFinishedError(UclsError):
    """There is nothing to write, because a finished cache is there."""


def log_path(path: Path) -> Path:
    """Returns where the image log of the unfinished cache ``path`` lies."""
    return partial_path(path.with_name(path.name + ".images"))


def undo_path(path: Path) -> Path:
    """Returns where the old structure of the cache ``path`` lies while it is completed."""
    return path.with_name(path.name + ".undo")


def leftovers(path: Path) -> list[Path]:
    """Returns the files that an unfinished cache ``path`` may consist of."""
    undo, partial = undo_path(path), partial_path(path)
    return [undo, partial, log_path(path), temporary_path(undo), temporary_path(partial)]


def remove_leftovers(path: Path) -> None:
    """Removes what an unfinished cache ``path`` consists of."""
    for leftover in leftovers(path):
        leftover.unlink(missing_ok=True)


def open_partial(
    path: Path,
    spec: FeatureSpec,
    n_images: int,
    *,
    provenance: str,
    overwrite: bool,
) -> tuple[h5py.File, ImageLog]:
    """Opens or creates the ``.partial`` file of the cache ``path`` and its image log.

    Raises:
        MismatchError: when the unfinished file was made with another spec or for other images.
        UsageError: when a newer UCLS made it.
        UclsError: when the cache is finished already, or the disk is too small.
    """
    if path.exists() and not overwrite:
        raise AlreadyFinishedError(f"{path} is finished already; use it, or pass --overwrite")
    partial = partial_path(path)
    if partial.exists():
        if undo_path(path).exists():
            restore_structure(partial, undo_path(path))
        try:
            if reopened := _reopen(path, spec, n_images):
                return reopened
        except MismatchError:
            if not overwrite:
                raise
        except DAMAGE as error:
            # An error of the system, such as a full disk, says nothing against the file.
            if cause(error):
                raise
    remove_leftovers(path)
    check_space(path.parent, spec, n_images)
    # Renamed when it is whole, so that a .partial file is never half created.
    new = temporary_path(partial)
    try:
        create_features(new, spec, n_images, provenance=provenance)
        reserve(new, new.stat().st_size)
        new.replace(partial)
    finally:
        new.unlink(missing_ok=True)
    return _open_uncached(partial), ImageLog(log_path(path), 0)


def _reopen(path: Path, spec: FeatureSpec, n_images: int) -> tuple[h5py.File, ImageLog] | None:
    """Returns None where nothing is lost by starting anew, perhaps with other settings."""
    partial = partial_path(path)
    file = _open_uncached(partial)
    try:
        check_format(file, partial, FEATURE_FORMAT)
        if file.attrs["n_seen"] == 0:
            file.close()
            return None
        _check_same(file, partial, (spec, n_images))
        read_provenance(file)  # raises if it is torn
        return file, ImageLog(log_path(path), int(file.attrs["n_seen"]))
    except BaseException:
        with contextlib.suppress(*DAMAGE):
            file.close()
        raise


def _open_uncached(partial: Path) -> h5py.File:
    """Opens a file whose rows go to the disk at once.

    With HDF5's chunk cache, rows are written when a dataset handle is dropped, and h5py ignores
    errors there: a full disk would lose rows in silence.
    """
    return h5py.File(partial, "r+", rdcc_nbytes=0)


def _check_same(file: h5py.File, partial: Path, wanted: tuple[FeatureSpec, int]) -> None:
    spec, n_images = wanted
    differences = FeatureSpec.from_attributes(file.attrs).differences(spec)
    if file.attrs["n_images"] != n_images:
        differences.append(f"n_images is {file.attrs['n_images']} there, {n_images} now")
    if differences:
        raise MismatchError(
            f"the unfinished {partial} was made with other settings: {'; '.join(differences)}; "
            "pass --overwrite to start anew, or another --cache-dir"
        )


def check_space(folder: Path, spec: FeatureSpec, n_images: int) -> None:
    """Checks that there is room for the features of so many images.

    Raises:
        UclsError: if there is not.
    """
    needed, free = n_images * spec.bytes_per_image, shutil.disk_usage(folder).free
    if needed > free:
        raise UclsError(
            f"the features of {count(n_images, 'image')} need {needed / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free in {folder}; make room or pass another --cache-dir"
        )
