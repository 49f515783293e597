"""What changed between two records."""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.speed.measurement import Measurement
from benchmarks.speed.records import SpeedRecord

NOTABLE = 0.05
"""A change of a ratio by less than this share is noise, whatever the spread."""


class Change(NamedTuple):
    """One ratio, before and after."""

    name: str
    against: str
    before: Measurement | None
    after: Measurement | None

    @property
    def relative(self) -> float | None:
        """After over before, minus 1; None where one of both is missing."""
        if self.before is None or self.after is None:
            return None
        return self.after.ratio / self.before.ratio - 1.0

    @property
    def verdict(self) -> str:
        """``faster`` or ``slower`` where the quartiles do not overlap, else ``same``."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        overlap = (
            self.before.spread[0] <= self.after.spread[1]
            and self.after.spread[0] <= self.before.spread[1]
        )
        if overlap or abs(self.relative or 0.0) < NOTABLE:
            return "same"
        return "slower" if self.after.ratio > self.before.ratio else "faster"


def changes(before: SpeedRecord, after: SpeedRecord) -> Iterator[Change]:
    """Every ratio of either record, in the order of the second one."""
    old = {(m.name, m.against): m for m in before.measurements}
    new = {(m.name, m.against): m for m in after.measurements}
    for key in [*new, *(key for key in old if key not in new)]:
        yield Change(*key, old.get(key), new.get(key))


def machine_differences(before: SpeedRecord, after: SpeedRecord) -> list[str]:
    """What differs between the machines and versions, a line for each."""
    old, new = ({**record.machine, **record.machine["versions"]} for record in (before, after))
    return [
        f"{name}: {old.get(name)} before, {new.get(name)} after"
        for name in sorted({*old, *new} - {"versions"})
        if old.get(name) != new.get(name)
    ]
