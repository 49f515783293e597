"""Which images were written or skipped, beside an unfinished feature cache.

HDF5 keeps strings in structures that grow as they are written, and a kill can leave those
structures broken. So names wait in a plain text file until the cache is finished.
"""

import json
from collections.abc import Iterator
from pathlib import Path


class ImageLog:
    """One line of JSON per image, in dataset order: its path, and why it was skipped if it was.

    Attributes:
        path: the file.
        n_images: lines in it.

    Args:
        path: the file; created when missing.
        n_seen: lines to keep; what follows was not committed and is cut off.

    Raises:
        ValueError: when the file has fewer lines.
    """

    def __init__(self, path: Path, n_seen: int) -> None:
        self.path = path
        self.n_images = n_seen
        path.touch()
        self._file = path.open("r+b")
        for _ in range(n_seen):
            if not self._file.readline().endswith(b"\n"):
                self._file.close()
                raise ValueError(f"{path} has fewer than {n_seen} lines")
        self._file.truncate(self._file.tell())

    def add(self, path: str, reason: str | None = None) -> None:
        """Adds the next image; ``reason`` says why it was skipped."""
        self._file.write(json.dumps([path, reason]).encode() + b"\n")
        self.n_images += 1

    def flush(self) -> None:
        """Hands all lines to the operating system, where a kill does not reach them."""
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def written(self) -> Iterator[str]:
        """Yields the path of each image that was not skipped, as flushed."""
        return (path for path, reason in self._lines() if reason is None)

    def skipped(self) -> Iterator[tuple[int, str, str]]:
        """Yields position, path and reason of each skipped image, as flushed."""
        for index, (path, reason) in enumerate(self._lines()):
            if reason is not None:
                yield index, path, reason

    def _lines(self) -> Iterator[tuple[str, str | None]]:
        return read_log(self.path)


def read_log(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yields the path of each image of a log, and why it was skipped if it was, as flushed."""
    with path.open(encoding="ascii") as lines:
        for line in lines:
            image, reason = json.loads(line)
            yield image, reason
