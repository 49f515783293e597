"""The growth of all stages as a table in Markdown."""

from collections.abc import Iterator, Sequence

from benchmarks.accuracy.markdown import format_table
from benchmarks.speed.growth.points import StageGrowth, sizes_along
from benchmarks.speed.growth.records import GrowthRecord
from benchmarks.speed.growth.sizes import Size
from benchmarks.speed.growth.slopes import Slopes, fit_slopes, memory_slopes
from benchmarks.speed.tables import seconds_text

HEADINGS = (
    "stage", "with", "from", "to", "time", "slope", "last half", "memory, MB", "slope", "last half",
)  # fmt: skip


def growth_markdown(record: GrowthRecord) -> str:
    """Title, what a reader has to know, and the table."""
    machine = record.machine
    lines = [
        "# How each stage grows",
        f"Medians of {_repeats(record)} on {machine['processor']} with {machine['cores']} cores "
        f"({machine['threads']} threads), {record.measured}, by `{record.command}`. Features are "
        "simulated and heads made up. Slopes are those in log-log with their standard error, over "
        "all sizes and over the last half of them. Memory is the peak of inputs and work together, "
        "without Python and the libraries, in a process of its own; `-` is too little to be told "
        "from noise.",
        format_table(HEADINGS, list(growth_rows(record.stages)), n_left=2).rstrip(),
        "\n".join(f"- {line}" for line in base_lines(record.stages)),
    ]
    return "\n\n".join(lines) + "\n"


def growth_rows(stages: Sequence[StageGrowth]) -> Iterator[list[str]]:
    """A line for each stage and axis."""
    for growth in stages:
        for letter in growth.letters:
            points = growth.along(letter)
            sizes = sizes_along(points, letter)
            times = fit_slopes(sizes, [point.median for point in points])
            megabytes = [point.memory_mb for point in points]
            yield [
                growth.stage,
                letter,
                f"{sizes[0]:,}",
                f"{sizes[-1]:,}",
                f"{seconds_text(points[0].seconds)} to {seconds_text(points[-1].seconds)}",
                *_cells(times),
                f"{max(0.0, megabytes[0]):,.0f} to {max(0.0, megabytes[-1]):,.0f}",
                *_cells(memory_slopes(sizes, megabytes)),
            ]


def base_lines(stages: Sequence[StageGrowth]) -> Iterator[str]:
    """What was timed of each stage, and the size that its axes are varied around."""
    for growth in stages:
        yield f"{growth.stage}: {growth.what}, around {size_text(growth.base, growth.letters)}"


def size_text(size: Size, letters: Sequence[str]) -> str:
    """Writes a size as ``N=8,192, C=64``."""
    return ", ".join(f"{letter}={size.on_axis(letter):,}" for letter in letters)


def _cells(slopes: Slopes | None) -> tuple[str, str]:
    return ("-", "-") if slopes is None else (str(slopes.whole), str(slopes.last))


def _repeats(record: GrowthRecord) -> str:
    counts = {len(point.seconds) for growth in record.stages for point in growth.points}
    return "one repeat" if counts == {1} else f"{max(counts)} repeats"
