"""What changed between two records."""

from collections.abc import Iterator

from benchmarks.speed.measurement import Measurement, SpeedRecord

NOTABLE = 0.05
"""A change of a ratio by less than this share is noise, whatever the spread."""
HEADINGS = ("", "against", "before", "after", "change", "verdict")


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
            ratios = old[key].ratio, new[key].ratio
            relative = f"{ratios[1] / ratios[0] - 1.0:+.0%}"
            yield [*key, *(f"{one:.3g}" for one in ratios), relative, verdict(old[key], new[key])]


def verdict(before: Measurement, after: Measurement) -> str:
    """``faster`` or ``slower`` where the quartiles do not overlap, else ``same``."""
    (low, high), (new_low, new_high) = before.spread, after.spread
    overlap = low <= new_high and new_low <= high
    if overlap or abs(after.ratio / before.ratio - 1.0) < NOTABLE:
        return "same"
    return "slower" if after.ratio > before.ratio else "faster"


def machine_differences(before: SpeedRecord, after: SpeedRecord) -> list[str]:
    """What differs between the machines and versions, a line for each."""
    old, new = ({**record.machine, **record.machine["versions"]} for record in (before, after))
    return [
        f"{name}: {old.get(name)} before, {new.get(name)} after"
        for name in sorted({*old, *new} - {"versions"})
        if old.get(name) != new.get(name)
    ]
