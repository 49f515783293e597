"""New images of a folder, as they appear."""

import time
from collections.abc import Iterator
from pathlib import Path

from ucls.images.files import find_images
from ucls.images.sets import file_stamps

SECONDS = 1.0
"""Between two looks at the folder."""


def watch_folder(folder: Path, *, seconds: float = SECONDS) -> Iterator[str]:
    """Yields the images of a folder, and from then on those that come or change, for ever.

    An image comes once two looks have seen the same size and time of change, so that no file is
    taken while it is still written.

    Args:
        folder: where to look, at any depth.
        seconds: between two looks.

    Yields:
        Paths relative to ``folder``, as :func:`ucls.images.files.find_images` has them.

    Raises:
        UsageError: if a folder cannot be listed.
    """
    seen: dict[str, list[int]] = {}
    given: dict[str, list[int]] = {}
    while True:
        paths = find_images(folder)
        stamps = dict(zip(paths, file_stamps(folder, paths).tolist(), strict=True))
        for path, stamp in stamps.items():
            if seen.get(path) == stamp != given.get(path):
                given[path] = stamp
                yield path
        seen = stamps
        time.sleep(seconds)
