"""The datasets and attributes of a feature cache, as created and filled."""

from pathlib import Path

import h5py

from ucls.cache.feature_rows import ROWS_PER_CHUNK, RowBuffer
from ucls.cache.feature_spec import FeatureSpec
from ucls.cache.hdf5 import COMPATIBILITY, Format

FEATURE_FORMAT = Format("ucls-features", 1, "feature cache", "run `ucls extract` with --overwrite")


def create_features(path: Path, spec: FeatureSpec, n_images: int) -> None:
    """Creates the file with room for every image, so that later writes only fill it in."""
    with h5py.File(path, "w", libver=COMPATIBILITY) as file:
        # First and side by side, so that both change in one write to the file.
        file.attrs["rows_written"] = 0
        file.attrs["n_seen"] = 0
        file.attrs["format"] = FEATURE_FORMAT.name
        file.attrs["version"] = FEATURE_FORMAT.version
        file.attrs.update(spec.to_attributes() | {"n_images": n_images, "complete": False})
        layers, width = spec.n_layers, spec.n_features
        _allocate(file, "cls", (1, n_images, layers, width), spec.dtype)
        if spec.has_patch_mean:
            _allocate(file, "patch_mean", (1, n_images, width), spec.dtype)


def write_rows(file: h5py.File, start: int, rows: RowBuffer) -> None:
    """Writes a chunk of rows, the first of them at ``start``. :func:`commit` makes it count."""
    span = slice(start, start + len(rows))
    for layer, block in enumerate(rows.cls):
        file["cls"][0, span, layer] = block[: len(rows)]
    if rows.patch_mean is not None:
        file["patch_mean"][0, span] = rows.patch_mean[: len(rows)]


def commit(file: h5py.File, rows_written: int, n_seen: int) -> None:
    """Makes what was written count.

    The rows reach the file before the attributes do: a kill in between leaves rows that nothing
    counts, and they are written again.
    """
    file.flush()
    file.attrs.modify("rows_written", rows_written)
    file.attrs.modify("n_seen", n_seen)
    file.flush()


def encode(text: str) -> bytes:
    """Returns ``text`` as utf-8; bytes of a file name that are not utf-8 come through as is."""
    return text.encode("utf-8", "surrogateescape")


def decode(dataset: h5py.Dataset) -> list[str]:
    """Reads the texts of a dataset that :func:`encode` filled."""
    texts: list[str] = dataset.asstr(errors="surrogateescape")[:].tolist()
    return texts


def _allocate(file: h5py.File, name: str, shape: tuple[int, ...], dtype: str) -> None:
    """Creates a dataset whose chunks all have their place in the file from the start.

    No later write of rows then touches HDF5's own structures, which makes a kill harmless.
    Each chunk holds one vector of each of its rows, so that one block is read without others.
    """
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    chunks = [1] * len(shape)
    chunks[1], chunks[-1] = min(ROWS_PER_CHUNK, shape[1]), shape[-1]
    file.create_dataset(name, shape=shape, chunks=tuple(chunks), dtype=dtype, dcpl=creation)
