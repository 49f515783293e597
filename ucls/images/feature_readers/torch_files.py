"""What ``torch.save`` writes of tensors: one, or a dict of them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.contents import PYTORCH
from ucls.images.feature_readers.stored import (
    Contents,
    FeatureReader,
    StoredArray,
    named_damage,
)


def _open(path: Path) -> Contents:
    import torch

    with named_damage(path):
        # Older files are no zip archives and cannot be mapped into memory.
        is_zip = path.open("rb").read(2) == b"PK"
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    if isinstance(loaded, torch.Tensor):
        return Contents.nameless(_stored(path, loaded))
    if not isinstance(loaded, dict):
        raise UsageError(
            f"expected a tensor or a dict of tensors in {path}, got {type(loaded).__name__}: "
            "save the features so"
        )
    values = {str(name): value for name, value in loaded.items() if _is_array(value)}
    return Contents.named(values, lambda name: _stored(path, values[name]))


def _is_array(value: object) -> bool:
    """Whether it is a tensor, or a list of labels."""
    import torch

    is_list = isinstance(value, list) and all(isinstance(item, int | str) for item in value)
    return is_list or isinstance(value, torch.Tensor)


def _stored(path: Path, value: Any) -> StoredArray:
    import torch

    if isinstance(value, list):
        return StoredArray.held(np.asarray(value))
    # NumPy has no other floats.
    is_known = value.dtype in (torch.float16, torch.float32, torch.float64)
    widened = value.is_floating_point() and not is_known

    def read(rows: slice) -> NDArray[Any]:
        with named_damage(path):
            part = value.detach()[rows] if value.ndim else value.detach()
            values: NDArray[Any] = (part.float() if widened else part).numpy()
        return values

    return StoredArray(tuple(value.shape), read(slice(0, 0)).dtype, read)


TORCH = FeatureReader((".pt", ".pth"), _open, (PYTORCH,))
