"""A soak as a page of Markdown."""

from pathlib import Path

from benchmarks.pages import render_page
from benchmarks.speed.soak.record import SoakRecord
from benchmarks.speed.steps import megabytes
from ucls.report.table import Table

TEMPLATE = Path(__file__).with_name("page.md.jinja")
HEADINGS = ("stage", "run", "seconds", "peak MB", "largest in each tenth of its time, MB")


def soak_page(record: SoakRecord) -> str:
    """Every stage, and beside it the same stage of the next run."""
    rows = [
        [step.name, str(number), f"{step.seconds:,.1f}", f"{step.peak_mb:,.0f}",
         megabytes(step.parts)]
        for same in zip(*record.runs, strict=True)
        for number, step in enumerate(same, 1)
    ]  # fmt: skip
    peaks = megabytes([max(step.peak_mb for step in run) for run in record.runs])
    table = Table(HEADINGS, rows).markdown()
    return render_page(TEMPLATE, record=record, table=table, peaks=peaks)
