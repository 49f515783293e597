"""An estimate as a page of Markdown: ImageNet-1k within reach or not, and 100 million images."""

import re
from pathlib import Path
from typing import NamedTuple

from benchmarks.pages import render_page
from benchmarks.speed.estimate.case import IMAGENET_CASES, LARGE_CASES, UCLS_CASE, Array, Case
from benchmarks.speed.estimate.device import Device
from benchmarks.speed.estimate.extrapolation import (
    Extrapolated,
    extrapolate,
    memory_of,
    seconds_here,
)
from benchmarks.speed.estimate.operations import ON_DEVICE, stage_operations
from benchmarks.speed.growth.record import GrowthRecord
from benchmarks.speed.growth.works import WORKS

TEMPLATE = Path(__file__).with_name("page.md.jinja")
BY_SLOPE = ("merge", "ensemble")
"""Hold copies that are measured rather than counted."""
TIMES = ((365.25 * 86_400, "years"), (86_400, "days"), (3600, "h"), (60, "min"), (1, "s"))
SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


class TimeRow(NamedTuple):
    """One stage of a case."""

    stage: str
    here: Extrapolated
    """On the machine that the growth was measured on, by slope."""
    products: float
    """With a device, as if only products took time there, by arithmetic."""
    device: float
    """With a device, each operation bound by its products or by what it moves, by arithmetic."""
    on_cpu: bool
    """It runs on the CPU, and takes there with a device what it takes here."""


def estimate_page(record: GrowthRecord, device: Device, *, source: str) -> str:
    """The whole page.

    Args:
        record: how the stages grow.
        device: what a GPU can do.
        source: where the record lies.

    Raises:
        UsageError: if the growth of a stage was not measured.
    """
    page = render_page(
        TEMPLATE,
        duration=duration,
        size_text=size_text,
        record=record,
        device=device,
        source=source,
        imagenet_cases=IMAGENET_CASES,
        ucls_case=UCLS_CASE,
        large_cases=LARGE_CASES,
        time_rows=lambda case, epochs: time_rows(case, record, device, epochs=epochs),
        by_slope=lambda case: by_slope(case, record),
    )
    # Blocks that follow each other would leave several blank lines.
    return re.sub(r"\n{3,}", "\n\n", page)


def time_rows(case: Case, record: GrowthRecord, device: Device, *, epochs: int) -> list[TimeRow]:
    """Every stage of a case, in the order of a run.

    Args:
        case: the size.
        record: how the stages grow.
        device: what a GPU can do.
        epochs: of the training.

    Raises:
        UsageError: if the growth of a stage was not measured.
    """
    rows = []
    for stage in WORKS:
        if stage == "merge" and not case.merges:
            continue
        here = seconds_here(record.of(stage), case, epochs=epochs)
        if stage not in ON_DEVICE:
            rows.append(TimeRow(stage, here, here.value, here.value, on_cpu=True))
            continue
        parts = stage_operations(stage, case, epochs=epochs)
        products = sum(times * device.seconds_of_products(work) for times, work in parts)
        on_device = sum(times * device.seconds(work) for times, work in parts)
        rows.append(TimeRow(stage, here, products, on_device, on_cpu=False))
    return rows


def by_slope(case: Case, record: GrowthRecord) -> list[Array]:
    """The memory of the stages whose copies are measured."""
    arrays = []
    for stage in BY_SLOPE:
        if stage != "merge" or case.merges:
            value, factor = extrapolate(record.of(stage), case.size, memory_of)
            how = f"by slope, within a factor of {factor:.2f}"
            arrays.append(Array(f"{stage}: at its peak", 1e6 * value, how))
    return arrays


def duration(seconds: float) -> str:
    """Writes a time in the largest unit that it holds two of, with two or three digits."""
    for unit, name in TIMES:
        if seconds >= 2 * unit:
            return f"{_digits(seconds / unit)} {name}"
    return f"{seconds:.2f} s"


def size_text(n_bytes: float) -> str:
    """Writes a size in the largest unit that it holds one of, powers of 1,000."""
    for unit, name in SIZES:
        if n_bytes >= unit:
            return f"{_digits(n_bytes / unit)} {name}"
    return f"{n_bytes:.0f} B"


def _digits(value: float) -> str:
    """Two digits, or all before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
