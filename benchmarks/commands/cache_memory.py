"""``python -m benchmarks cache-memory``."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.machine import describe_machine
from benchmarks.speed.cache_memory import BATCH, SIZES, measure_caches
from ucls.errors import UsageError

Rows = Annotated[list[int] | None, typer.Option(help="Images; may be given more than once.")]
Folder = Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Where to write.")]


def command(*, rows: Rows = None, folder: Folder = None) -> None:
    """Measure memory and speed of a feature cache against a bare file of the same bytes."""
    counts = rows or list(SIZES)
    if wrong := [count for count in counts if count < BATCH or count % BATCH]:
        raise UsageError(f"expected --rows in multiples of {BATCH:,}, got {wrong[0]}: round it")
    print(describe_machine())
    for count in counts:
        measure_caches(count, folder).show()
