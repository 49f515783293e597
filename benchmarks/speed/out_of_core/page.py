"""A training from disk as a page of Markdown."""

from pathlib import Path

from benchmarks.pages import render_page
from benchmarks.speed.out_of_core.record import OutOfCoreRecord
from benchmarks.speed.steps import megabytes
from ucls.report.table import Table

TEMPLATE = Path(__file__).with_name("page.md.jinja")


def out_of_core_page(record: OutOfCoreRecord) -> str:
    """The table of all steps, and the memory of the training over time."""
    rows = [[step.name, f"{step.seconds:,.1f}", f"{step.peak_mb:,.0f}"] for step in record.steps]
    table = Table(("step", "seconds", "peak MB"), rows).markdown()
    (training,) = (step for step in record.steps if step.name == "train")
    return render_page(TEMPLATE, record=record, table=table, largest=megabytes(training.parts))
