"""The growth of all stages as a page of Markdown, and a log-log plot of each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import STYLE, write_figure
from benchmarks.pages import render_page
from benchmarks.speed.growth.record import GrowthRecord, StageGrowth, slope_texts
from benchmarks.speed.measurement import seconds_text
from ucls.report.table import Table

TEMPLATE = Path(__file__).with_name("page.md.jinja")
HEADINGS = (
    "stage", "with", "from", "to", "time", "slope", "last half", "memory, MB", "slope", "last half",
)  # fmt: skip
LINES = {
    "N": ("images", "o-", "black"), "C": ("clusters", "s--", "0.35"),
    "H": ("heads", "^:", "0.2"), "D": ("features", "D-.", "0.5"),
}  # fmt: skip
"""Name, marker and style, and shade of each axis, which differ without colour too."""


def growth_page(record: GrowthRecord) -> str:
    """What a reader has to know, and the table."""
    repeats = max(len(point.seconds) for growth in record.stages for point in growth.points)
    table = Table(HEADINGS, list(growth_rows(record.stages)), n_left=2).markdown()
    return render_page(TEMPLATE, record=record, repeats=repeats, table=table)


def growth_rows(stages: Sequence[StageGrowth]) -> Iterator[list[str]]:
    """A line for each stage and axis."""
    for growth in stages:
        for letter in growth.letters:
            least, *_, most = growth.along(letter)
            sizes, seconds = growth.seconds(letter)
            ends = [f"{sizes[0]:,}", f"{sizes[-1]:,}"]
            time = f"{seconds_text(least.seconds)} to {seconds_text(most.seconds)}"
            memory = f"{max(0.0, least.memory_mb):,.0f} to {max(0.0, most.memory_mb):,.0f}"
            slopes = slope_texts(sizes, seconds), slope_texts(*growth.memory(letter))
            yield [growth.stage, letter, *ends, time, *slopes[0], memory, *slopes[1]]


def plot_growth(growth: StageGrowth, folder: Path) -> list[Path]:
    """Plots time and memory over multiples of the base, and writes the plot as SVG and PNG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(9.0, 4.2), layout="constrained")
        time, memory = figure.subplots(1, 2)
        draw(time, growth, growth.seconds, "Time (s)")
        draw(memory, growth, growth.memory, "Peak memory of inputs and work (MB)")
        made_up = "simulated features" if "D" in growth.letters else "made-up heads"
        figure.suptitle(f"{growth.stage}: {growth.what}; {made_up}", fontsize=10)
        return write_figure(figure, folder / growth.stage)


def draw(axes: Any, growth: StageGrowth, figures: Any, what: str) -> None:
    """A line for each axis, named by where it leads and its slopes."""
    for letter in growth.letters:
        sizes, values = figures(letter)
        if len(sizes) > 2:
            name, line, shade = LINES[letter]
            slopes = "slope {} ({})".format(*slope_texts(sizes, values))
            label = f"{name} {letter}, {sizes[0]:,} to {sizes[-1]:,}: {slopes}"
            multiples = np.array(sizes) / growth.base.on_axis(letter)
            axes.plot(multiples, values, line, color=shade, label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"Size, as a multiple of {growth.base.text(growth.letters)}")
    axes.set_ylabel(what)
    if axes.lines:
        axes.legend(loc="upper left", title="last half in brackets", title_fontsize=7.5)
    # Room for the legend above the lines.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.45)
