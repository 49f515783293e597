"""A training from disk as a page of Markdown."""

from itertools import pairwise
from pathlib import Path

from benchmarks.pages import render_page
from benchmarks.speed.out_of_core.record import OutOfCoreRecord
from ucls.report.table import Table

TEMPLATE = Path(__file__).with_name("page.md.jinja")
N_SHOWN = 10


def out_of_core_page(record: OutOfCoreRecord) -> str:
    """The table of all steps, and the memory of the training over time."""
    rows = [[step.name, f"{step.seconds:,.1f}", f"{step.peak_mb:,.0f}"] for step in record.steps]
    table = Table(("step", "seconds", "peak MB"), rows).markdown()
    (samples,) = (step.samples for step in record.steps if step.name == "train")
    ends = [len(samples) * number // N_SHOWN for number in range(N_SHOWN + 1)]
    parts = [samples[start:stop] for start, stop in pairwise(ends)]
    largest = [f"{max(part):,.0f}" for part in parts if part]
    return render_page(TEMPLATE, record=record, table=table, largest=largest)
