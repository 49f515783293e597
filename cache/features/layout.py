"""The datasets and attributes of a feature cache, as created and filled."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ucls.cache.features.rows import ROWS_PER_CHUNK, RowBuffer
from ucls.cache.features.spec import FeatureSpec
from ucls.cache.hdf5 import COMPATIBILITY, Format

FEATURE_FORMAT = Format(
    "ucls-features",
    1,
    "feature cache",
    # With --overwrite instead, what runs made of these features would go too.
    "remove it with `ucls cache rm`, then run the same command again",
)


# The datasets with the vectors of the images.
TOKENS = ("cls", "patch_mean")


def create_features(path: Path, spec: FeatureSpec, n_images: int, *, provenance: str) -> None:
    """Creates the file with room for every image, so that later writes only fill it in."""
    with h5py.File(path, "w", libver=COMPATIBILITY) as file:
        # First and side by side, so that both change in one write to the file.
        file.attrs["rows_written"] = 0
        file.attrs["n_seen"] = 0
        file.attrs["format"] = FEATURE_FORMAT.name
        file.attrs["version"] = FEATURE_FORMAT.version
        file.attrs.update(spec.to_attributes() | {"n_images": n_images, "complete": False})
        file.attrs["provenance"] = provenance
        views, layers, width = spec.n_views, spec.n_layers, spec.n_features
        _allocate(file, "cls", (views, n_images, layers, width), spec.dtype)
        if spec.has_patch_mean:
            _allocate(file, "patch_mean", (views, n_images, width), spec.dtype)


def read_provenance(file: h5py.File) -> dict[str, Any]:
    """Reads how the cache was made; empty in older files.

    Raises:
        ValueError: when it is not a JSON object.
    """
    provenance = json.loads(file.attrs.get("provenance", "{}"))
    if not isinstance(provenance, dict):
        raise ValueError(f"expected a JSON object as provenance, got {provenance!r}")
    return provenance


def write_rows(file: h5py.File, start: int, rows: RowBuffer) -> None:
    """Writes a chunk of rows, the first of them at ``start``. :func:`commit` makes it count."""
    span = slice(start, start + len(rows))
    for view, layers in enumerate(rows.cls):
        for layer, block in enumerate(layers):
            file["cls"][view, span, layer] = block[: len(rows)]
    if rows.patch_mean is not None:
        for view, block in enumerate(rows.patch_mean):
            file["patch_mean"][view, span] = block[: len(rows)]


def commit(file: h5py.File, rows_written: int, n_seen: int) -> None:
    """Makes what was written count.

    The rows reach the file before the attributes do: a kill in between leaves rows that nothing
    counts, and they are written again.
    """
    file.flush()
    file.attrs.modify("rows_written", rows_written)
    file.attrs.modify("n_seen", n_seen)
    file.flush()


def open_tokens(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Opens the datasets with the vectors, by name, to read any rows of them.

    HDF5's own cache would read a whole chunk of rows for a single one.
    """
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(0, 0, 1.0)
    return {
        name: h5py.Dataset(h5py.h5d.open(file.id, name.encode(), access))
        for name in TOKENS
        if name in file
    }


def encode(text: str) -> bytes:
    """Returns ``text`` as utf-8; bytes of a file name that are not utf-8 come through as is."""
    return text.encode("utf-8", "surrogateescape")


def decode(dataset: h5py.Dataset, rows: slice = slice(None)) -> NDArray[np.object_]:
    """Reads the texts of a dataset that :func:`encode` filled."""
    texts: NDArray[np.object_] = dataset.asstr(errors="surrogateescape")[rows]
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
