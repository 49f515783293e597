"""Caches of images that have changed since the first was made, which lie beside it."""

from contextlib import suppress
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


def caches_of(first: Path) -> list[Path]:
    """Those there are of a first cache and all beside it, the last that was written first."""
    beside = f"{escape(first.stem)}-{'[0-9a-f]' * DIGITS}{first.suffix}"
    written = {}
    for path in (first, *first.parent.glob(beside)):
        with suppress(FileNotFoundError):
            written[path] = path.stat().st_mtime_ns
    return sorted(written, key=lambda path: -written[path])
