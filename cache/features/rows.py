"""The rows of a feature cache on their way to disk: checked, cast and gathered to chunks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.cache.features.spec import FeatureSpec
from ucls.errors import UsageError

ROWS_PER_CHUNK = 1024


class RowBuffer:
    """Holds up to :data:`ROWS_PER_CHUNK` rows in the cache's dtype.

    Attributes:
        cls: [V, L, 1024, D], one block after the other as on disk; the first ``len(self)`` rows
            of each are set.
        patch_mean: [V, 1024, D], or None.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        views, layers, width = spec.n_views, spec.n_layers, spec.n_features
        self.cls = np.empty((views, layers, ROWS_PER_CHUNK, width), spec.dtype)
        self.patch_mean = (
            np.empty((views, ROWS_PER_CHUNK, width), spec.dtype) if spec.has_patch_mean else None
        )
        self._n_rows = 0

    def __len__(self) -> int:
        return self._n_rows

    @property
    def is_full(self) -> bool:
        """Whether a whole chunk is gathered."""
        return len(self) == ROWS_PER_CHUNK

    def take(self, cls: NDArray[Any], patch_mean: NDArray[Any] | None) -> int:
        """Copies as many of the first rows as fit and returns their number."""
        start = self._n_rows
        stop: int = min(start + cls.shape[1], ROWS_PER_CHUNK)
        self.cls[:, :, start:stop] = cls[:, : stop - start].swapaxes(1, 2)
        if self.patch_mean is not None and patch_mean is not None:
            self.patch_mean[:, start:stop] = patch_mean[:, : stop - start]
        self._n_rows = stop
        return stop - start

    def clear(self) -> None:
        """Forgets the rows."""
        self._n_rows = 0


def check_batch(
    spec: FeatureSpec, arrays: tuple[NDArray[Any], NDArray[Any] | None], paths: Sequence[str]
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Checks one batch and casts it to the cache's dtype.

    Args:
        spec: of the cache.
        arrays: class tokens [V, B, L, D] and mean patch tokens [V, B, D], or None.
        paths: B names, for the message.

    Returns:
        Both arrays in the cache's dtype.

    Raises:
        UsageError: for other shapes, NaN, infinity, or values too large for the dtype.
    """
    cls, patch_mean = arrays
    if (patch_mean is not None) != spec.has_patch_mean:
        wanted, got = ("", "none") if spec.has_patch_mean else ("no ", "some")
        raise UsageError(f"expected {wanted}mean patch tokens by the spec, got {got}")
    views, images, layers, width = spec.n_views, len(paths), spec.n_layers, spec.n_features
    cls = _cast(cls, spec, (views, images, layers, width), paths)
    if patch_mean is not None:
        patch_mean = _cast(patch_mean, spec, (views, images, width), paths)
    return cls, patch_mean


def _cast(
    array: NDArray[Any], spec: FeatureSpec, shape: tuple[int, ...], paths: Sequence[str]
) -> NDArray[Any]:
    if array.shape != shape or array.dtype.kind != "f":
        raise UsageError(
            f"expected floating-point features of shape {shape} by the spec and the number of "
            f"paths, got {array.dtype} {array.shape}"
        )
    with np.errstate(over="ignore"):
        cast = array.astype(spec.dtype, copy=False)
    finite = np.isfinite(cast)
    if not finite.all():
        is_bad = ~finite.all(axis=(0, *range(2, array.ndim)))
        if is_bad.all() and len(paths) > 1:
            raise UsageError(_none_finite(spec, paths))
        bad = int(np.flatnonzero(is_bad)[0])
        raise UsageError(_not_finite(array[:, bad], spec, paths[bad]))
    return cast


def _none_finite(spec: FeatureSpec, paths: Sequence[str]) -> str:
    return (
        f"expected finite features that fit {spec.dtype}, got none in {len(paths)} images from "
        f"{paths[0]} on; check the weights of backbone {spec.backbone} and extract.precision"
    )


def _not_finite(row: NDArray[Any], spec: FeatureSpec, path: str) -> str:
    if not np.isfinite(row).all():
        return (
            f"expected finite features, got NaN or infinity for {path}; remove that image, "
            "or check the backbone's weights and precision"
        )
    return (
        f"expected features that fit {spec.dtype} (up to {np.finfo(spec.dtype).max:g}), got "
        f"{np.abs(row).max():g} for {path}; scale the features down, or store them as float32"
    )
