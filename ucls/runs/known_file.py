"""A CSV of what is known of some images: labels, or pairs that belong together or apart."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ucls.constraints.groups import Constraints, close
from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause

OF_LABELS = {"path", "label"}
OF_PAIRS = {"path_a", "path_b", "link"}
MUST = {"must", "same", "together", "1", "true", "yes"}
CANNOT = {"cannot", "different", "apart", "-1", "0", "false", "no"}


class Told(NamedTuple):
    """What a file says, by the names of images."""

    path: Path
    labels: dict[str, str]
    must: list[tuple[str, str]]
    """Images that belong together."""
    cannot: list[tuple[str, str]]
    """Images that belong apart."""

    @property
    def label_names(self) -> list[str]:
        """Every label once, sorted."""
        return sorted(set(self.labels.values()))

    def images(self) -> list[str]:
        """Every image once, in the order of the file."""
        pairs = (image for pair in (*self.must, *self.cannot) for image in pair)
        return [*dict.fromkeys((*self.labels, *pairs))]

    def closed(self, rows: Mapping[str, int], n_images: int) -> Constraints:
        """Groups the images.

        Args:
            rows: of images in 0..n_images-1; what is said of others is left out.
            n_images: N.

        Raises:
            UsageError: if the file contradicts itself.
        """
        names = {row: image for image, row in rows.items()}
        numbers = {name: number for number, name in enumerate(self.label_names)}
        labels = np.full(n_images, -1, dtype=np.int32)
        for image, label in self.labels.items():
            if image in rows:
                labels[rows[image]] = numbers[label]
        must, cannot = (
            np.array([(rows[a], rows[b]) for a, b in pairs if a in rows and b in rows], np.int64)
            for pairs in (self.must, self.cannot)
        )
        try:
            return close(
                labels,
                must.reshape(-1, 2),
                cannot.reshape(-1, 2),
                n_labels=len(numbers),
                name_of=names.__getitem__,
            )
        except UsageError as error:
            raise UsageError(f"{self.path} contradicts itself: {error}") from None


def read_told(path: Path) -> Told:
    """Reads a file.

    Its header has ``path`` and ``label``, or ``path_a``, ``path_b`` and ``link``, or all of them;
    lines without a label or link tell nothing.

    Raises:
        UsageError: if the file cannot be read so, says nothing, or gives an image two labels.
    """
    told = Told(path, {}, [], [])
    for number, row in _lines(path):
        image, label = row.get("path", ""), row.get("label", "")
        if image and label and told.labels.setdefault(image, label) != label:
            raise UsageError(
                f"{path} gives {image} two labels, {told.labels[image]} and {label}: leave one out"
            )
        pair, link = (row.get("path_a", ""), row.get("path_b", "")), row.get("link", "")
        if link:
            if not all(pair):
                raise UsageError(f"line {number} of {path} links one image: give path_a and path_b")
            (told.must if _is_must(link, path, number) else told.cannot).append(pair)
    if not told.images():
        raise UsageError(
            f"{path} says nothing: expected lines of a path and its label, or of two paths and "
            "their link"
        )
    return told


def check_told(told: Told, n_clusters: int | None) -> None:
    """Looks for contradictions, whatever images there are.

    Raises:
        UsageError: if the file contradicts itself, or has more labels than there are clusters.
    """
    n_labels = len(told.label_names)
    if n_clusters is not None and n_labels > n_clusters:
        raise UsageError(
            f"{told.path} has {n_labels} labels, but {n_clusters} clusters are wanted: ask for "
            f"-k {n_labels} or more"
        )
    images = told.images()
    told.closed({image: row for row, image in enumerate(images)}, len(images))


def _is_must(link: str, path: Path, number: int) -> bool:
    word = link.lower().replace("_", "-").replace(" ", "-").removesuffix("link").rstrip("-")
    if word not in MUST | CANNOT:
        raise UsageError(
            f"line {number} of {path} has the link {link!r}: expected must or cannot (or same and "
            "different, or 1 and -1)"
        )
    return word in MUST


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The number and cells of each line, by column in lower case, without the space around them."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip().lower() for name in next(rows, [])]
            if not any(columns.issubset(header) for columns in (OF_LABELS, OF_PAIRS)):
                raise UsageError(
                    f"{path} has the columns {', '.join(header) or 'of an empty file'}: expected "
                    "a CSV with path and label, or with path_a, path_b and link"
                )
            for row in rows:
                yield rows.line_num, dict(zip(header, map(str.strip, row), strict=False))
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {cause(error) or error}") from error
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV ({error}): save it as one") from error
