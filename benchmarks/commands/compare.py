"""``python -m benchmarks compare``."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    before: Annotated[Path, typer.Argument(help="JSON of `python -m benchmarks speed`.")],
    after: Annotated[Path, typer.Argument(help="Another one, of the same sizes.")],
) -> None:
    """Show what changed between two records of speed.

    Ratios below 1 are faster than their reference. A change counts where the quartiles of both
    records lie apart.
    """
    from benchmarks.records import read_record
    from benchmarks.speed.compare import HEADINGS, changes, machine_differences
    from benchmarks.speed.measurement import SpeedRecord
    from benchmarks.tables import Table

    old, new = read_record(before, SpeedRecord), read_record(after, SpeedRecord)
    for line in machine_differences(old, new):
        print(f"differs: {line}")
    Table(HEADINGS, list(changes(old, new)), n_left=2).show()
