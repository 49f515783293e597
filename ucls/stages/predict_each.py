"""Labelling images one by one, as they come."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ucls.cache import STDOUT
from ucls.images.files import UnreadableImageError
from ucls.progress import SILENT, Reporter
from ucls.runs.predictor import Predictor
from ucls.stages.predict import write_labelled


class PredictedEach(NamedTuple):
    """How it went until there were no more images."""

    n_images: int
    n_skipped: int
    """Those that could not be read, which are told at once."""


def predict_each(
    predictor: Predictor,
    paths: Iterable[str],
    *,
    folder: Path = Path(),
    out: Path = STDOUT,
    as_json_lines: bool = False,
    reporter: Reporter = SILENT,
) -> PredictedEach:
    """Labels each image when its path comes; on standard output its row is there before the next.

    Args:
        predictor: of a run.
        paths: of image files, as they are told in the rows.
        folder: what the paths are relative to.
        out: as in :func:`ucls.stages.predict.predict`; a file is there at the end.
        as_json_lines: as there.
        reporter: told of each image that cannot be read.

    Raises:
        UclsError: if the disk does not take it.
    """
    n_images = n_skipped = 0

    def rows() -> Iterator[tuple[str | float, ...]]:
        nonlocal n_images, n_skipped
        for path in paths:
            try:
                found = predictor.predict(folder / path)
            except UnreadableImageError as error:
                n_skipped += 1
                reporter.say(f"skipped {path}: {error}")
                continue
            n_images += 1
            row = (path, found.cluster, found.confidence, found.probability, found.name)
            yield row[: len(predictor.columns)]

    write_labelled(out, predictor.columns, rows(), as_json_lines=as_json_lines)
    return PredictedEach(n_images, n_skipped)
