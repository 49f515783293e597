"""``python -m benchmarks report``."""

from typing import Annotated

import typer

from benchmarks.machine import describe_machine

Photos = Annotated[int, typer.Option(min=100, help="Drawn photographs of 512 x 384 pixels.")]
Rows = Annotated[int, typer.Option(min=5_000, help="Of a run without pictures.")]


def command(*, photos: Photos = 10_000, rows: Rows = 1_000_000) -> None:
    """Measure pages, a server's thumbnails, and sorting into folders."""
    from benchmarks.report.measures import measure

    print(describe_machine())
    for row in measure(n_photos=photos, n_rows=rows):
        taken = f"{row['images']:>10,} images {row['seconds']:>8.2f} s"
        print(f"{row['what']:<22}{taken}   {row['told']}", flush=True)
