"""Masks whose pixel values are classes.

Shapes: S pixels per side.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.errors import UsageError


def read_values(path: Path, size: int | None = None) -> NDArray[np.int64]:
    """Reads the value of each pixel; of a picture with a palette, the number of its colour.

    Args:
        path: of the file.
        size: S, to stretch it to a square without mixing values; None for the size that it has.

    Returns:
        int64 [S, S], or [height, width].

    Raises:
        UsageError: if it is no image, or one of several values per pixel.
    """
    try:
        with Image.open(path) as image:
            if len(image.getbands()) > 1:
                raise UsageError(
                    f"{path} has {len(image.getbands())} values per pixel, expected one, its "
                    "class: save it as a grey PNG, or one with a palette"
                )
            taken = image if size is None else image.resize((size, size), Image.Resampling.NEAREST)
            return np.asarray(taken).astype(np.int64)
    except OSError as error:
        raise UsageError(f"{path} is no image ({error}): make the mask again") from error


def values_of(paths: Iterable[Path]) -> NDArray[np.int64]:
    """The different values in some masks, rising."""
    return np.unique(np.concatenate([np.unique(read_values(path)) for path in paths]))
