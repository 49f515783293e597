"""A log-log plot of each stage, to be read without colour too."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed.growth.record import Point, StageGrowth
from benchmarks.speed.growth.slopes import SMALLEST_MB, Slopes, fit_slopes, memory_slopes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE: Mapping[str, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    # Equal figures give equal files.
    "svg.hashsalt": "ucls",
}
LINES: Mapping[str, Mapping[str, Any]] = {
    "N": {"color": "black", "marker": "o", "linestyle": "-"},
    "C": {"color": "0.35", "marker": "s", "linestyle": "--"},
    "H": {"color": "0.2", "marker": "^", "linestyle": ":"},
    "D": {"color": "0.5", "marker": "D", "linestyle": "-."},
}
NAMES = {"N": "images N", "C": "clusters C", "H": "heads H", "D": "features D"}
MARKED: Mapping[str, Any] = {
    "markersize": 4,
    "markerfacecolor": "white",
    "linewidth": 1.2,
    "capsize": 2,
}


def plot_growth(growth: StageGrowth, folder: Path) -> list[Path]:
    """Plots time and memory over the size, and writes the plot as SVG and PNG.

    All axes share one: sizes are multiples of the base. Bars are quartiles of the repeats.

    Args:
        growth: of one stage.
        folder: where the files go.

    Returns:
        The files.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    files = [folder / f"{growth.stage}{suffix}" for suffix in (".svg", ".png")]
    with rc_context(rc=dict(STYLE)):  # type: ignore[arg-type]
        figure = Figure(figsize=(9.0, 4.2), layout="constrained")
        time, memory = figure.subplots(1, 2)
        for letter in growth.letters:
            draw_time(time, growth, letter)
            draw_memory(memory, growth, letter)
        finish(time, growth, "Time (s)")
        finish(memory, growth, "Peak memory of inputs and work (MB)")
        made_up = "simulated features" if "D" in growth.letters else "made-up heads"
        figure.suptitle(f"{growth.stage}: {growth.what}; {made_up}", fontsize=10)
        for file in files:
            figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else {})
    return files


def draw_time(axes: "Axes", growth: StageGrowth, letter: str) -> None:
    """The line of an axis: the median seconds, with their quartiles."""
    points = growth.along(letter)
    medians = [point.median for point in points]
    bars = np.abs(np.array([point.quartiles for point in points]).T - medians)
    slopes = fit_slopes(growth.sizes(letter), medians)
    draw(axes, growth, letter, points, medians, slopes=slopes, bars=bars)


def draw_memory(axes: "Axes", growth: StageGrowth, letter: str) -> None:
    """The line of an axis: peak memory, where it is told from noise."""
    points = [point for point in growth.along(letter) if point.memory_mb >= SMALLEST_MB]
    megabytes = [point.memory_mb for point in points]
    slopes = memory_slopes([point.size.on_axis(letter) for point in points], megabytes)
    if slopes is not None:
        draw(axes, growth, letter, points, megabytes, slopes=slopes)


def draw(
    axes: "Axes",
    growth: StageGrowth,
    letter: str,
    points: Sequence[Point],
    values: Sequence[float],
    *,
    slopes: Slopes,
    bars: Any = None,
) -> None:
    """A line over the multiples of the base, named by where it leads and its slopes."""
    sizes = [point.size.on_axis(letter) for point in points]
    axes.errorbar(
        np.array(sizes) / growth.base.on_axis(letter),
        values,
        bars,
        label=f"{NAMES[letter]}, {sizes[0]:,} to {sizes[-1]:,}: slope {slopes.whole} "
        f"({slopes.last})",
        **LINES[letter],
        **MARKED,
    )


def finish(axes: "Axes", growth: StageGrowth, what: str) -> None:
    """Scales, names and legend of a panel."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    low, high = np.log2(axes.get_xlim())
    ticks = 2.0 ** np.arange(np.ceil(low), np.floor(high) + 1)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlabel(f"Size, as a multiple of {growth.base.text(growth.letters)}")
    axes.set_ylabel(what)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", title="last half in brackets", title_fontsize=7.5)
    # Room for the legend above the lines.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.45)
