"""The labels of a run for other programs."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ucls.cache import check_output
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.catalog import run_files
from ucls.runs.image_labels import read_labels
from ucls.runs.label_formats import FORMATS, choose_format
from ucls.runs.label_table import LabelTable
from ucls.runs.opening import open_run

AT_ONCE = 1024
"""Images between two steps of the progress."""


class Exported(NamedTuple):
    """What was written."""

    format: str
    n_images: int


def export(
    path: str | Path,
    *,
    out: Path,
    format: str | None = None,
    probabilities: bool = False,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Exported:
    """Writes the labels of all images of a run, as corrected and as found.

    Args:
        path: the run folder.
        out: the file; ``-`` for CSV on standard output.
        format: a name from :data:`ucls.runs.label_formats.FORMATS`; None to go by the ending.
        probabilities: with the classifier's probability of every cluster; of CSV, Parquet and JSON.
        overwrite: replace a file at ``out`` that is no earlier export.
        reporter: shown what happens.

    Raises:
        UsageError: if there is no such format, what it needs is not there, or ``out`` may not be
            written.
        UclsError: if the run is not labelled yet, or the disk does not take it.

    Example:
        >>> from pathlib import Path
        >>> from ucls.stages.export import export
        >>> export("runs/features", out=Path("labels.json"), probabilities=True)
        Exported(format='json', n_images=120)
    """
    run = open_run(path, after="self-train", reporter=reporter)
    name = choose_format(out, format)
    chosen = FORMATS[name]
    if probabilities and not chosen.takes_shares:
        takers = ", ".join(key for key, entry in FORMATS.items() if entry.takes_shares)
        raise UsageError(f"{name} has no place for the shares of all clusters: choose {takers}")
    table = LabelTable(run, read_labels(run), with_shares=probabilities)
    check_output(
        out,
        is_own=lambda file: chosen.is_own(file, table),
        overwrite=overwrite,
        protected=run.inputs(),
        reserved=run_files(),
    )
    with closing(_counted(reporter, len(table))) as count:
        chosen.write(out, table, count)
    return Exported(name, len(table))


def _counted(reporter: Reporter, n_images: int) -> Generator[int]:
    """Counts images as they are written, and shows it."""
    with reporter.track("export", n_images, "images") as advance:
        for start in range(0, n_images, AT_ONCE):
            stop = min(start + AT_ONCE, n_images)
            yield from range(start, stop)
            advance(stop - start)
