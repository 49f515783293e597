"""Whether a feature cache still holds what a new extraction would give."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ucls.cache import FeatureCache, partial_path
from ucls.cache.features.checksums import check_chunks, count_chunks, has_checksums
from ucls.errors import UclsError, UnreadableError, UsageError
from ucls.extraction.again import Images, largest_difference
from ucls.images.files import UnreadableImageError
from ucls.progress import SILENT, Reporter
from ucls.wording import count

Outcome = Literal["ok", "failed", "not possible"]

_PATHS_AT_ONCE = 65_536

# What rounding changes, as shares of the largest value of a vector: on disk, and in a forward
# pass, where it also depends on the batch that an image is in and on the device.
_ROUNDING = {"float16": 1e-3, "float32": 0.0}
_ROUNDING_WITHIN = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 5e-2}


@dataclass(frozen=True)
class Check:
    """One check of a cache.

    Attributes:
        name: ``file``, ``chunks``, ``fingerprint`` or ``sample``.
        outcome: ``not possible`` where something that is needed is not there.
        reason: what was found.
    """

    name: str
    outcome: Outcome
    reason: str


def verify(
    path: Path, *, n_sample: int = 8, device: str = "auto", reporter: Reporter = SILENT
) -> list[Check]:
    """Checks a feature cache: its bytes, its images, and a sample of its features.

    ``chunks`` reads every chunk again: it has to be readable, finite, and of the checksum that
    was taken when it was written. ``fingerprint`` opens the images again and compares which they
    are. ``sample`` extracts some of them again, in all their views, with the same backbone. The
    last two need the provenance of the cache, and what it names.

    Args:
        path: of the cache.
        n_sample: images to extract again, at least 1.
        device: where to extract them: ``auto``, ``cpu`` or ``cuda[:i]``.
        reporter: shown what happens.

    Returns:
        The checks that were made; only ``file`` if it is damaged or not finished.

    Raises:
        UsageError: if ``n_sample`` is wrong.
    """
    if n_sample < 1:
        raise UsageError(f"expected a sample of at least 1 image, got {n_sample}")
    if not path.exists() and partial_path(path).exists():
        return [Check("file", "not possible", "is not finished: `ucls extract` goes on with it")]
    try:
        cache = FeatureCache(path)
    except UnreadableError as error:
        return [Check("file", "not possible", str(error))]
    except UsageError as error:
        return [Check("file", "failed", str(error))]
    with cache:
        checks = _check_chunks(cache, reporter)
        fingerprint, images = _check_fingerprint(cache)
        return [*checks, fingerprint, _check_sample(cache, images, n_sample, device=device)]


def _check_chunks(cache: FeatureCache, reporter: Reporter) -> list[Check]:
    problems = []
    n_chunks = count_chunks(cache.path)
    try:
        with reporter.track(f"verify {cache.path.name}", n_chunks, "chunks") as advance:
            for problem in check_chunks(cache.path):
                advance()
                if problem:
                    problems.append(problem)
        n_names = _read_names(cache)
    except UnreadableError as error:
        return [Check("chunks", "not possible", str(error))]
    except UsageError as error:
        problems.append(str(error))
    if problems:
        others = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return [Check("chunks", "failed", problems[0] + others)]
    if not has_checksums(cache.path):
        reason = f"{count(n_chunks, 'chunk')} finite, {count(n_names, 'name')} readable"
        chunks = Check("chunks", "ok", reason)
        return [chunks, Check("checksums", "not possible", "the file is older than checksums")]
    reason = f"{count(n_chunks, 'chunk')} as written, {count(n_names, 'name')} readable"
    return [Check("chunks", "ok", reason)]


def _read_names(cache: FeatureCache) -> int:
    """Reads all that is beside the features, and returns the number of images named there."""
    cache.labels()
    cache.class_names()
    starts = range(0, len(cache), _PATHS_AT_ONCE)
    n_kept = sum(len(cache.paths(slice(start, start + _PATHS_AT_ONCE))) for start in starts)
    return n_kept + len(cache.skipped)


def _check_fingerprint(cache: FeatureCache) -> tuple[Check, Images | None]:
    """Returns the images too, if they are those of the cache."""
    from ucls.sources import reopen

    try:
        name = cache.provenance["source"]
        images = reopen(cache.provenance)
    except KeyError:
        reason = "the file does not tell where its images are"
        return Check("fingerprint", "not possible", reason), None
    except UclsError as error:
        return Check("fingerprint", "not possible", f"cannot open its images: {error}"), None
    if images.fingerprint != cache.spec.fingerprint:
        reason = (
            f"the images of {name} are not those that were extracted: there are {len(images):,} "
            f"now and were {cache.n_images:,}, or some have changed"
        )
        return Check("fingerprint", "failed", reason), None
    reason = f"{name} holds {count(len(images), 'image')}, unchanged since the extraction"
    return Check("fingerprint", "ok", reason), images


def _check_sample(
    cache: FeatureCache, images: Images | None, n_sample: int, *, device: str
) -> Check:
    if images is None:
        return Check("sample", "not possible", "needs the very images that were extracted")
    n_rows = min(n_sample, len(cache))
    rows = np.sort(np.random.default_rng(0).choice(len(cache), n_rows, replace=False))
    try:
        difference = largest_difference(cache, images, rows, device=device)
    except UnreadableImageError as error:
        return Check("sample", "failed", f"an image can be read no more: {error}")
    except UclsError as error:
        return Check("sample", "not possible", str(error))
    allowed = _ROUNDING[cache.spec.dtype] + _ROUNDING_WITHIN[cache.spec.precision]
    reason = (
        f"extracting {count(n_rows, 'image')} again differs by up to {difference:.1g} of the "
        f"largest value, {allowed:.1g} is allowed"
    )
    return Check("sample", "ok" if difference <= allowed else "failed", reason)
