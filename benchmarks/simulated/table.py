"""The comparison with thesis table 6.16, for people."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.simulated.check import Comparison

HEADINGS = (
    "threshold",
    "published\ncount",
    "simulated\ncount",
    "diff.\n%",
    "published\nACC",
    "simulated\nACC",
    "diff.\npoints",
    "simulated\nACC above",
    "diff.\npoints",
    "within",
)


def comparison_table(rows: Sequence[Comparison]) -> Table:
    """A line for each threshold."""
    table = Table(show_edge=False, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*cells(row))
    return table


def cells(row: Comparison) -> list[str]:
    """The figures of a threshold, in the order of the headings."""
    whole, above = row.accuracy_differences
    return [
        f"{row.threshold:.1f}",
        f"{row.published_count:.1f}",
        f"{row.count:.1f}",
        f"{row.count_difference:+.1f}",
        f"{row.published_accuracy:.2f}",
        f"{row.accuracy:.2f}",
        f"{whole:+.2f}",
        f"{row.accuracy_above:.2f}",
        f"{above:+.2f}",
        "yes" if row.is_within else "NO",
    ]
