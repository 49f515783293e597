"""Two finished runs of the same images compared."""

from pathlib import Path

from ucls.cache import check_output, has_table, write_csv
from ucls.progress import SILENT, Reporter
from ucls.report.comparison import Compared, MovedImage, compare_labels
from ucls.runs.catalog import run_files
from ucls.runs.image_labels import read_labels
from ucls.runs.opening import open_run

COLUMNS = MovedImage._fields


def compare(
    a: str | Path,
    b: str | Path,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Compared:
    """Compares the labels of two runs, as corrected where they are.

    Needs ``labels.csv`` of both; changes neither.

    Args:
        a: a run folder.
        b: another one; the same is fine.
        out: the CSV to write with the images that moved; None for none, ``-`` for standard output.
        overwrite: replace a file there that this command did not write.
        reporter: shown what happens.

    Raises:
        UsageError: if one is no run, they have no image in common, or the CSV may not be written.
        UclsError: if one is not labelled yet.
    """
    runs = [open_run(path, after="self-train", reporter=reporter) for path in (a, b)]
    if out is not None:
        check_output(
            Path(out),
            is_own=has_table(COLUMNS),
            overwrite=overwrite,
            protected=[file for run in runs for file in run.inputs()],
            reserved=run_files(),
        )
    result = compare_labels(
        *map(read_labels, runs),
        paths=(str(a), str(b)),
        is_same_run=Path(a).resolve() == Path(b).resolve(),
    )
    if out is not None:
        write_csv(Path(out), COLUMNS, result.moved)
    return result
