"""What changed between two records."""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.speed.measurement import Measurement, SpeedRecord

NOTABLE = 0.05
"""A change of a ratio by less than this share is noise, whatever the spread."""
HEADINGS = ("", "against", "before", "after", "change", "verdict")


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
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        (low, high), (new_low, new_high) = self.before.spread, self.after.spread
        if (low <= new_high and new_low <= high) or abs(self.relative or 0.0) < NOTABLE:
            return "same"
        return "slower" if self.after.ratio > self.before.ratio else "faster"

    def cells(self) -> list[str]:
        """Its line in a table with :data:`HEADINGS`."""
        ratios = ("-" if one is None else f"{one.ratio:.3g}" for one in (self.before, self.after))
        relative = "-" if self.relative is None else f"{self.relative:+.0%}"
        return [self.name, self.against, *ratios, relative, self.verdict]


def changes(before: SpeedRecord, after: SpeedRecord) -> Iterator[Change]:
    """Every ratio of either record, in the order of the second one."""
    old, new = (
        {(one.name, one.against): one for one in record.measurements} for record in (before, after)
    )
    for key in {**new, **old}:
        yield Change(*key, old.get(key), new.get(key))


def machine_differences(before: SpeedRecord, after: SpeedRecord) -> list[str]:
    """What differs between the machines and versions, a line for each."""
    old, new = ({**record.machine, **record.machine["versions"]} for record in (before, after))
    return [
        f"{name}: {old.get(name)} before, {new.get(name)} after"
        for name in sorted({*old, *new} - {"versions"})
        if old.get(name) != new.get(name)
    ]
