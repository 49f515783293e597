"""What is known of some of a run's images, which its clusters have to respect."""

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ucls.cache import run_files as files
from ucls.constraints.groups import Constraints
from ucls.errors import UsageError
from ucls.runs.features import skipped_images
from ucls.runs.known_file import Told, check_told, read_told
from ucls.settings.config import Config
from ucls.wording import count

if TYPE_CHECKING:
    from ucls.runs.run import Run

ARRAY = "features"
"""The backbone of a run whose images are the rows of an array."""


class Known(NamedTuple):
    """What is known of the images of a run."""

    constraints: Constraints
    """Of the images of all splits, the training images first."""
    names: list[str]
    """Of the L labels, sorted."""
    skipped: list[str]
    """Images that could not be read, so that what was said of them has no part."""


def known_file(run: "Run") -> Path | None:
    """The file of what is known: the one that was given, or what the run kept of it.

    Raises:
        UsageError: if both are gone.
    """
    if run.config.merge.known is None:
        return None
    return _found(run.config.merge.known, run.folder.file(files.KNOWN))


def _found(known: str, kept: Path) -> Path:
    """The file that was given, or what the run kept of it."""
    found = next((path for path in (Path(known), kept) if path.is_file()), None)
    if found is None:
        raise UsageError(f"there is no file {known} of known labels or pairs; check its name")
    return found


def check_known(config: Config, folder: Path, *, n_clusters: int | None) -> None:
    """Looks whether what is known of images of a run can be read, before any image is.

    Args:
        config: of the run.
        folder: of the run.
        n_clusters: that are wanted; None if that is not known yet.

    Raises:
        UsageError: if there is no such file, it is none of labels or pairs, or contradicts itself.
    """
    if config.merge.known is not None:
        check_told(read_told(_found(config.merge.known, folder / files.KNOWN)), n_clusters)


def known_digest(run: "Run") -> str | None:
    """Tells what is known from something else; None where nothing is."""
    path = known_file(run)
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def keep_known(run: "Run") -> None:
    """Copies the file of what is known to the run."""
    path, kept = known_file(run), run.folder.file(files.KNOWN)
    if path is None:
        kept.unlink(missing_ok=True)
    elif path != kept:
        shutil.copyfile(path, kept)


def read_known(run: "Run") -> Known | None:
    """Reads what is known; None where nothing was given.

    A path of both splits is that of the training image; a number is a row of an array.

    Raises:
        UsageError: if the file is none of labels or pairs, contradicts itself, names images that
            the run has not, or has more labels than there are clusters.
    """
    path = known_file(run)
    if path is None:
        return None
    told = read_told(path)
    check_told(told, run.n_wanted)
    rows: dict[str, int] = {}
    n_images = n_train = 0
    for split in run.splits:
        with run.features(split) as cache:
            paths = cache.paths()
        rows = {image: n_images + row for row, image in enumerate(paths)} | rows
        n_images += len(paths)
        n_train = n_train or len(paths)
    if list(run.data.caches["train"]) == [ARRAY]:
        rows = {str(row): row for row in range(n_train)} | rows
    gone = [image for image in told.images() if image not in rows]
    skipped = {image for image, _, _ in skipped_images(run.caches)} if gone else set()
    _check_images(told, [image for image in gone if image not in skipped])
    return Known(told.closed(rows, n_images), told.label_names, gone)


def _check_images(told: Told, unknown: list[str]) -> None:
    if unknown:
        raise UsageError(
            f"{told.path} names {count(len(unknown), 'image')} that the run has not, such as "
            f"{unknown[0]}: expected paths as in its labels.csv"
        )
