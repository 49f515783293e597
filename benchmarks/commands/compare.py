"""``python -m benchmarks compare``."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.speed.compare import changes, machine_differences
from benchmarks.speed.records import read_record
from benchmarks.speed.tables import show_changes


def command(
    before: Annotated[Path, typer.Argument(help="JSON of `python -m benchmarks speed`.")],
    after: Annotated[Path, typer.Argument(help="Another one, of the same sizes.")],
) -> None:
    """Show what changed between two records of speed.

    Ratios below 1 are faster than their reference. A change counts where the quartiles of both
    records lie apart.
    """
    old, new = read_record(before), read_record(after)
    for line in machine_differences(old, new):
        print(f"differs: {line}")
    show_changes(changes(old, new))
