"""``python -m benchmarks compare``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.records import read_record
from benchmarks.speed.measurement import Measurement, SpeedRecord
from ucls.report.table import Table

NOTABLE = 0.05
"""A change of a ratio by less than this share is noise, whatever the spread."""
HEADINGS = ("", "against", "before", "after", "change", "verdict")


def command(
    before: Annotated[Path, typer.Argument(help="JSON of `python -m benchmarks speed`.")],
    after: Annotated[Path, typer.Argument(help="Another one, of the same sizes.")],
) -> None:
    """Show which ratios changed, where the quartiles of both records lie apart."""
    old, new = read_record(before, SpeedRecord), read_record(after, SpeedRecord)
    for line in machine_differences(old, new):
        print(f"differs: {line}")
    Table(HEADINGS, list(changes(old, new)), n_left=2).show()


def changes(before: SpeedRecord, after: SpeedRecord) -> Iterator[list[str]]:
    """A line for every ratio of either record, in the order of the second one."""
    old, new = (
        {(one.name, one.against): one for one in record.measurements} for record in (before, after)
    )
    for key in {**new, **old}:
        if key not in old:
            yield [*key, "-", f"{new[key].ratio:.3g}", "-", "new"]
        elif key not in new:
            yield [*key, f"{old[key].ratio:.3g}", "-", "-", "gone"]
        else:
            first, last = old[key].ratio, new[key].ratio
            ratios = f"{first:.3g}", f"{last:.3g}", f"{last / first - 1.0:+.0%}"
            yield [*key, *ratios, verdict(old[key], new[key])]


def verdict(before: Measurement, after: Measurement) -> str:
    """``faster`` or ``slower`` where the quartiles do not overlap, else ``same``."""
    (low, high), (new_low, new_high) = before.spread, after.spread
    overlap, change = low <= new_high and new_low <= high, after.ratio / before.ratio - 1.0
    if overlap or abs(change) < NOTABLE:
        return "same"
    return "slower" if change > 0 else "faster"


def machine_differences(before: SpeedRecord, after: SpeedRecord) -> list[str]:
    """What differs between the machines and versions, a line for each."""
    old, new = ({**record.machine, **record.machine["versions"]} for record in (before, after))
    return [
        f"{name}: {old.get(name)} before, {new.get(name)} after"
        for name in sorted({*old, *new} - {"versions"})
        if old.get(name) != new.get(name)
    ]
