"""A finished run as one page to look at and to correct: ``report.html``."""

from pathlib import Path

from ucls.cache import atomic_write, check_output
from ucls.cache import run_files as files
from ucls.progress import SILENT, Reporter
from ucls.report.alternatives import alternative_runs
from ucls.report.page import page_data, render
from ucls.report.state import RunState
from ucls.runs.catalog import run_files
from ucls.runs.image_labels import read_labels
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.wording import count

MARK = b"<!doctype html><!-- a report of UCLS -->"
"""What every report begins with."""


def report(
    path: str | Path,
    *,
    beside: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Path:
    """Writes a self-contained page of a labelled run.

    Needs a run that is labelled; figures are shown where it is evaluated, pictures where the images
    are still there, and other clusterings of the same images where alternatives were found. Changes
    nothing in the run but leaves ``report.html`` there.

    Args:
        path: the run folder.
        beside: the folder of another run of the same images, to compare with.
        out: the page to write; None for the run's own.
        overwrite: replace a file there that is no earlier report.
        reporter: shown what happens.

    Returns:
        Where the page is.

    Raises:
        UsageError: if the page may not be written there, or the runs share no image.
        UclsError: if the run is not labelled yet.
    """
    run = open_run(path, after="self-train", reporter=reporter)
    own = run.folder.file(files.REPORT)
    target = Path(out) if out else own
    check_output(
        target,
        is_own=_is_report,
        overwrite=overwrite,
        protected=run.inputs(),
        reserved=() if target.name == own.name else run_files(),
    )
    other = None if beside is None else read_labels(open_run(beside, after="self-train"))
    data = page_data(RunState.of(run), beside=other, beside_name=str(beside), reporter=reporter)
    if data["no_pictures"] and "features" not in run.data.extractions:
        reporter.warn(f"the page has no pictures: {data['no_pictures']}")
    elif n_lost := data["n_lost_pictures"]:
        reporter.warn(
            f"without a picture, as they are gone or were changed since: {count(n_lost, 'image')}"
        )
    for sentence in data["verdict"]:
        reporter.say(f"report: {''.join(map(str, sentence))}")
    with atomic_write(target) as partial:
        partial.write_text(render(data), encoding="utf-8", errors="replace")
    return target


def is_up_to_date(path: str | Path) -> bool:
    """Whether a run's own page was made after all that it shows."""
    page, *shown = (
        Path(path) / name for name in (files.REPORT, files.LABELS, files.METRICS, files.CORRECTIONS)
    )
    if not page.is_file() or not _is_report(page):
        return False
    shown += [other / files.LABELS for other in alternative_runs(Run(path))]
    made = page.stat().st_mtime_ns
    return all(made > file.stat().st_mtime_ns for file in shown if file.is_file())


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK
