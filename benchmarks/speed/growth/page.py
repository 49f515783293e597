"""The growth of all stages as a page of Markdown."""

from collections.abc import Iterator, Sequence

from benchmarks.speed.growth.record import GrowthRecord, StageGrowth
from benchmarks.speed.growth.slopes import Slopes, fit_slopes, memory_slopes
from benchmarks.speed.measurement import seconds_text
from benchmarks.tables import Table

HEADINGS = (
    "stage", "with", "from", "to", "time", "slope", "last half", "memory, MB", "slope", "last half",
)  # fmt: skip


def growth_page(record: GrowthRecord) -> str:
    """Title, what a reader has to know, and the table."""
    machine = record.machine
    counts = {len(point.seconds) for growth in record.stages for point in growth.points}
    repeats = "one repeat" if counts == {1} else f"{max(counts)} repeats"
    timed = [
        f"- {growth.stage}: {growth.what}, around {growth.base.text(growth.letters)}"
        for growth in record.stages
    ]
    return "\n\n".join(
        [
            "# How each stage grows",
            f"Medians of {repeats} on {machine['processor']} with {machine['cores']} cores "
            f"({machine['threads']} threads), {record.measured}, by `{record.command}`. Features "
            "are simulated and heads made up. Slopes are those in log-log with their standard "
            "error, over all sizes and over the last half of them. Memory is the peak of inputs "
            "and work together, without Python and the libraries, in a process of its own; `-` is "
            "too little to be told from noise.",
            Table(HEADINGS, list(growth_rows(record.stages)), n_left=2).markdown().rstrip(),
            "\n".join(timed) + "\n",
        ]
    )


def growth_rows(stages: Sequence[StageGrowth]) -> Iterator[list[str]]:
    """A line for each stage and axis."""
    for growth in stages:
        for letter in growth.letters:
            points, sizes = growth.along(letter), growth.sizes(letter)
            megabytes = [point.memory_mb for point in points]
            yield [
                growth.stage,
                letter,
                f"{sizes[0]:,}",
                f"{sizes[-1]:,}",
                f"{seconds_text(points[0].seconds)} to {seconds_text(points[-1].seconds)}",
                *_cells(fit_slopes(sizes, [point.median for point in points])),
                f"{max(0.0, megabytes[0]):,.0f} to {max(0.0, megabytes[-1]):,.0f}",
                *_cells(memory_slopes(sizes, megabytes)),
            ]


def _cells(slopes: Slopes | None) -> tuple[str, str]:
    return ("-", "-") if slopes is None else (str(slopes.whole), str(slopes.last))
