"""A few labels that are known of a run's images, which its clusters have to respect.

Shapes: L labels, C clusters.
"""

import csv
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.cache import run_files as files
from ucls.errors import UnreadableError, UsageError
from ucls.settings.config import Config
from ucls.types import Labels
from ucls.wording import cause, count

if TYPE_CHECKING:
    from ucls.runs.run import Run

COLUMNS = ("path", "label")


class Known(NamedTuple):
    """What is known of the images of a run."""

    labels: dict[str, Labels]
    """The label of each image of a split, int32 [N], -1 where it is not known."""
    names: list[str]
    """Of the L labels, sorted."""


def known_file(run: "Run") -> Path | None:
    """The file of the known labels: the one that was given, or what the run kept of it.

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
        raise UsageError(f"there is no file {known} of known labels; check its name")
    return found


def check_known(config: Config, folder: Path) -> None:
    """Looks whether the known labels of a run in a folder can be read, before any image is.

    Raises:
        UsageError: if there is no such file, or it is no CSV of path and label.
    """
    if config.merge.known is not None:
        _read_rows(_found(config.merge.known, folder / files.KNOWN))


def known_digest(run: "Run") -> str | None:
    """Tells the known labels from others; None where there are none."""
    path = known_file(run)
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def keep_known(run: "Run") -> None:
    """Copies the file of the known labels to the run."""
    path, kept = known_file(run), run.folder.file(files.KNOWN)
    if path is None:
        kept.unlink(missing_ok=True)
    elif path != kept:
        shutil.copyfile(path, kept)


def read_known(run: "Run") -> Known | None:
    """Reads the labels that are known; None where none were given.

    Raises:
        UsageError: if the file is no CSV of path and label, names images that the run has not, or
            has more labels than there are clusters.
    """
    path = known_file(run)
    if path is None:
        return None
    by_path = _read_rows(path)
    names = sorted(set(by_path.values()))
    if not names:
        raise UsageError(f"{path} has no labels: expected lines of a path and its label")
    if len(names) > run.n_wanted:
        raise UsageError(
            f"{path} has {len(names)} labels, but {run.n_wanted} clusters are wanted: ask for "
            f"-k {len(names)} or more"
        )
    numbers = {name: number for number, name in enumerate(names)}
    labels, seen = {}, set()
    for split in run.splits:
        with run.features(split) as cache:
            paths = cache.paths()
        found = [numbers[by_path[image]] if image in by_path else -1 for image in paths]
        labels[split] = np.array(found, dtype=np.int32)
        seen.update(paths)
    unknown = [image for image in by_path if image not in seen]
    if unknown:
        raise UsageError(
            f"{path} names {count(len(unknown), 'image')} that the run has not, such as "
            f"{unknown[0]}: expected paths as in its labels.csv"
        )
    return Known(labels, names)


def _read_rows(path: Path) -> dict[str, str]:
    """The label of each path; lines without a label tell nothing."""
    found: dict[str, str] = {}
    for image, label in _lines(path):
        if label and found.setdefault(image, label) != label:
            raise UsageError(
                f"{path} gives {image} two labels, {found[image]} and {label}: leave one out"
            )
    return found


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.DictReader(file, strict=True)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise UsageError(
                    f"{path} has the columns {', '.join(rows.fieldnames or ())}: expected a CSV "
                    "with path and label"
                )
            for row in rows:
                yield row["path"] or "", (row["label"] or "").strip()
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {cause(error) or error}") from error
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV ({error}): save it as one") from error


def clusters_of_labels(known: Labels, clusters: Labels, *, n_labels: int) -> NDArray[np.int64]:
    """The cluster that each label stands for, a different one for each, [L]; -1 for none.

    Together they hold as many of the known images as can be.

    Args:
        known: the label of each image, int32 [N]; -1 is none.
        clusters: of the same images, int32 [N]; -1 is none.
        n_labels: L.
    """
    from scipy.optimize import linear_sum_assignment

    is_both = (known >= 0) & (clusters >= 0)
    counts = np.zeros((n_labels, int(clusters.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(counts, (known[is_both], clusters[is_both]), 1)
    labels, chosen = linear_sum_assignment(counts, maximize=True)
    found = np.full(n_labels, -1, dtype=np.int64)
    held = counts[labels, chosen] > 0
    found[labels[held]] = chosen[held]
    return found
