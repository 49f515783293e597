"""Caches of images that have changed since the first was made, which lie beside it."""

from glob import escape
from pathlib import Path

DIGITS = 8
"""Of a fingerprint, in the name."""


def later_cache(first: Path, fingerprint: str) -> Path:
    """Where features of the same folder go when it holds other images than at first.

    Args:
        first: the cache of the images that there were at first.
        fingerprint: of the images that there are now.
    """
    return first.with_name(f"{first.stem}-{fingerprint[:DIGITS]}{first.suffix}")


def latest_cache(first: Path) -> Path:
    """The last that was written of a cache that is there and those beside it."""
    beside = f"{escape(first.stem)}-{'[0-9a-f]' * DIGITS}{first.suffix}"
    return max([first, *first.parent.glob(beside)], key=lambda path: path.stat().st_mtime_ns)
