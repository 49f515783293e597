"""``python -m benchmarks processes``."""

from typing import Annotated

import typer

from benchmarks.machine import describe_machine
from benchmarks.options import Count, Repeats

Processes = Annotated[int, typer.Option(min=2, help="Of one core each.")]


def command(
    *,
    processes: Processes = 2,
    images: Count = 256,
    backbone: str = "dinov2_vits14",
    rows: Count = 8_000,
    epochs: Count = 12,
    repeats: Repeats = 3,
) -> None:
    """Measure extraction and training in several processes of one core against one process."""
    from benchmarks.speed.measurement import show_measurements
    from benchmarks.speed.processes import process_ratios

    print(describe_machine())
    show_measurements(
        process_ratios(
            processes,
            n_images=images,
            backbone=backbone,
            n_rows=rows,
            epochs=epochs,
            repeats=repeats,
        )
    )
