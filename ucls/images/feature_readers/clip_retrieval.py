"""The shards of clip-retrieval: ``img_emb_0.npy`` and so on, each with ``metadata_0.parquet``."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.feature_readers.numpy_files import mapped
from ucls.images.feature_readers.stored import (
    NAMELESS,
    Contents,
    FeatureReader,
    StoredArray,
)
from ucls.images.feature_readers.tables import open_parquet, read_paths

_VECTORS, _METADATA = "img_emb", "metadata"


def _shards(folder: Path) -> dict[str, Path]:
    """Number to file of vectors, in the order of the numbers; empty for other folders."""
    inner = folder / _VECTORS
    files = (inner if inner.is_dir() else folder).glob(f"{_VECTORS}_*.npy")
    numbered = {path.stem.removeprefix(f"{_VECTORS}_"): path for path in files}
    return {number: numbered[number] for number in sorted(filter(str.isdecimal, numbered), key=int)}


def _open(folder: Path) -> Contents:
    shards = _shards(folder)
    arrays = [mapped(path) for path in shards.values()]
    for path, array in zip(shards.values(), arrays, strict=True):
        if len(array.shape) != 2 or array.shape[1] != arrays[0].shape[-1]:
            raise UsageError(
                f"expected vectors of one length in all {_VECTORS}_*.npy of {folder}, got shape "
                f"{list(array.shape)} in {path.name}: make all with the same backbone"
            )
    joined = _joined(arrays)
    return Contents(
        (NAMELESS,), lambda _: joined, (NAMELESS,), ids=lambda: _paths(folder, shards, arrays)
    )


def _joined(arrays: list[StoredArray]) -> StoredArray:
    starts = np.concatenate([[0], np.cumsum([array.shape[0] for array in arrays])]).tolist()
    dtype = np.result_type(*(array.dtype for array in arrays))

    def read(rows: slice) -> NDArray[Any]:
        start, stop, _ = rows.indices(starts[-1])
        parts = [
            array.read(slice(max(start - first, 0), max(stop - first, 0)))
            for first, array in zip(starts[:-1], arrays, strict=True)
            if first < max(stop, 1) and start < first + array.shape[0]
        ]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts or [arrays[0].read(slice(0))])
        return whole.astype(dtype, copy=False)

    return StoredArray((starts[-1], arrays[0].shape[1]), dtype, read)


def _paths(folder: Path, shards: dict[str, Path], arrays: list[StoredArray]) -> list[str] | None:
    """The paths of all images; None if a shard does not tell them."""
    inner = folder / _METADATA
    root = inner if inner.is_dir() else folder
    found: list[str] = []
    for number, array in zip(shards, arrays, strict=True):
        path = root / f"{_METADATA}_{number}.parquet"
        paths = read_paths(open_parquet(path)) if path.is_file() else None
        if paths is None:
            return None
        if len(paths) != array.shape[0]:
            raise UsageError(
                f"expected a row in {path} for each of the {array.shape[0]} vectors of "
                f"{shards[number].name}, got {len(paths)}: copy both again"
            )
        found += paths
    return found


CLIP_RETRIEVAL = FeatureReader((), _open, is_folder=lambda folder: bool(_shards(folder)))
