"""The parts of a feature cache that other processes write, until they are put together.

Each is an unfinished feature cache of its own; ``<file>.parts`` tells which images they hold.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import h5py
from filelock import FileLock, Timeout

from ucls.cache.features.image_log import read_log
from ucls.cache.features.resume import leftovers, log_path, remove_leftovers
from ucls.cache.features.rows import ROWS_PER_CHUNK
from ucls.cache.features.writer import FeatureCacheWriter
from ucls.cache.files import partial_path, write_json

Line = tuple[str, str | None]


class Span(NamedTuple):
    """Neighbouring images."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def split_images(n_images: int, n_parts: int, *, begun: int = 0, batch_size: int = 1) -> list[Span]:
    """Divides images into parts of whole batches, so that each has as many left to do.

    Args:
        n_images: of the image set.
        n_parts: at most; there are fewer where there are fewer batches.
        begun: images that are done, all in the first part.
        batch_size: batch i holds the images from ``i * batch_size`` on.

    Returns:
        Spans that follow each other, of all images.
    """
    first, last = begun // batch_size, -(-n_images // batch_size)
    n_parts = max(1, min(n_parts, last - first))
    bounds = [(first + (last - first) * part // n_parts) * batch_size for part in range(n_parts)]
    starts = [0, *bounds[1:]]
    return [Span(*both) for both in zip(starts, [*starts[1:], n_images], strict=True)]


def plan_path(path: Path) -> Path:
    """Returns where it is told which parts the cache ``path`` has."""
    return path.with_name(path.name + ".parts")


def part_path(path: Path, span: Span) -> Path:
    """Returns the name of the part of the cache ``path`` with these images."""
    return path.with_name(f"{path.name}.part-{span.start}-{span.stop}")


def part_files(path: Path) -> list[Path]:
    """Returns all that the parts of the cache ``path`` consist of."""
    return [*path.parent.glob(f"{path.name}.part-*"), *path.parent.glob(plan_path(path).name)]


def read_plan(path: Path, *, n_images: int, batch_size: int) -> list[Span]:
    """Reads which parts were begun; none if they are of other images or batches."""
    plan = plan_path(path)
    if not plan.is_file():
        return []
    found = json.loads(plan.read_text(encoding="utf-8"))
    if (found["n_images"], found["batch_size"]) != (n_images, batch_size):
        return []
    return [Span(*span) for span in found["spans"]]


def write_plan(path: Path, spans: Sequence[Span], *, n_images: int, batch_size: int) -> None:
    """Notes which parts are begun, and removes earlier ones."""
    remove_parts(path)
    write_json(
        plan_path(path),
        {"n_images": n_images, "batch_size": batch_size, "spans": [list(span) for span in spans]},
    )


def remove_parts(path: Path) -> None:
    """Removes all parts of the cache ``path``."""
    for part in part_files(path):
        part.unlink(missing_ok=True)


def remove_remains(path: Path) -> None:
    """Removes what lies beside a finished cache whose writer was killed before it could.

    It stays where the cache is being written anew, or nothing can be removed.
    """
    remains = [*part_files(path), *(file for file in leftovers(path) if file.exists())]
    if remains and partial_path(path) not in remains:
        with suppress(Timeout, OSError), FileLock(f"{path}.lock", timeout=0):
            if not partial_path(path).exists():
                remove_parts(path)
                remove_leftovers(path)


def append_part(writer: FeatureCacheWriter, span: Span) -> None:
    """Hands the images of a whole part to the writer of the cache, from where it is.

    Raises:
        UsageError, UclsError: as the writer does.
    """
    part = part_path(writer.path, span)
    with h5py.File(partial_path(part), "r") as file:
        lines = read_log(log_path(part))
        row = sum(reason is None for _, reason in islice(lines, writer.n_seen - span.start))
        for paths in _runs(writer, lines):
            some = slice(row, row + len(paths))
            means = file["patch_mean"][:, some] if "patch_mean" in file else None
            writer.append(file["cls"][:, some], means, paths)
            row = some.stop


def _runs(writer: FeatureCacheWriter, lines: Iterator[Line]) -> Iterator[list[str]]:
    """The paths of neighbouring images that could be read; the others are skipped."""
    for is_read, group in groupby(lines, key=lambda line: line[1] is None):
        if not is_read:
            for path, reason in group:
                writer.skip(path, str(reason))
            continue
        while paths := [path for path, _ in islice(group, ROWS_PER_CHUNK)]:
            yield paths
