"""Small pictures within a budget of bytes."""

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from os import cpu_count

from PIL import Image

from ucls.images.files import UnreadableImageError
from ucls.progress import Advance, ignore_progress
from ucls.runs.pictures import Pictures

SIDES = (160, 128, 96, 72, 56, 40)
"""Pixels of the longer side that are tried, the largest first."""
TRIED_ON = 24
"""Pictures that the size is chosen by."""
QUALITY = 75

Row = tuple[str, int]
"""A split, and a row in it."""


def thumbnails(
    pictures: Mapping[str, Pictures],
    rows: Sequence[Row],
    *,
    budget: int,
    advance: Advance = ignore_progress,
) -> list[str]:
    """Makes small pictures as WebP, as large as the budget lets them be.

    Args:
        pictures: by split.
        rows: which are wanted.
        budget: bytes of all together, once they are written as base64.
        advance: told of each.

    Returns:
        Base64 texts; empty where a picture cannot be read.
    """
    step = max(1, len(rows) // TRIED_ON)
    some = [_read(pictures, row) for row in rows[::step][:TRIED_ON]]
    share = budget / max(len(rows), 1)
    side = next((side for side in SIDES if _mean_size(some, side) <= share), SIDES[-1])

    def make(row: Row) -> str:
        picture = _read(pictures, row)
        advance()
        return "" if picture is None else encode(picture, side)

    with ThreadPoolExecutor(cpu_count()) as pool:
        return list(pool.map(make, rows))


def encode(picture: Image.Image, side: int) -> str:
    """A picture as WebP in base64, with its longer side at most ``side`` pixels."""
    return base64.b64encode(as_webp(picture, side)).decode()


def as_webp(picture: Image.Image, side: int) -> bytes:
    """A picture as WebP, with its longer side at most ``side`` pixels."""
    small = picture.copy()
    small.thumbnail((side, side))
    file = BytesIO()
    # Very small ones are mostly edges, which a lossy format smears.
    is_tiny = max(picture.size) <= SIDES[-1]
    small.save(file, "WEBP", quality=QUALITY, method=2, lossless=is_tiny)
    return file.getvalue()


def _read(pictures: Mapping[str, Pictures], row: Row) -> Image.Image | None:
    split, number = row
    try:
        return pictures[split].read(number)
    except UnreadableImageError:
        return None


def _mean_size(pictures: Sequence[Image.Image | None], side: int) -> float:
    sizes = [len(encode(picture, side)) for picture in pictures if picture is not None]
    return sum(sizes) / max(len(sizes), 1)
