"""A log-log plot of each stage, to be read without colour too."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed.growth.record import Point, StageGrowth
from benchmarks.speed.growth.slopes import SMALLEST_MB, fit_slopes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Equal figures give equal files.
STYLE: dict[Any, Any] = {
    "font.size": 9, "axes.grid": True, "grid.color": "0.9", "legend.frameon": False,
    "legend.fontsize": 7.5, "svg.hashsalt": "ucls",
}  # fmt: skip
LINES: Mapping[str, Mapping[str, Any]] = {
    "N": {"color": "black", "marker": "o", "linestyle": "-"},
    "C": {"color": "0.35", "marker": "s", "linestyle": "--"},
    "H": {"color": "0.2", "marker": "^", "linestyle": ":"},
    "D": {"color": "0.5", "marker": "D", "linestyle": "-."},
}
NAMES = {"N": "images N", "C": "clusters C", "H": "heads H", "D": "features D"}


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
    with rc_context(STYLE):
        figure = Figure(figsize=(9.0, 4.2), layout="constrained")
        time, memory = figure.subplots(1, 2)
        for letter in growth.letters:
            points = growth.along(letter)
            quartiles = np.array([point.quartiles for point in points]).T
            medians = [point.median for point in points]
            draw(time, growth, letter, points, medians, quartiles=quartiles)
            told = [point for point in points if point.memory_mb >= SMALLEST_MB]
            if len(told) > 2:
                draw(memory, growth, letter, told, [point.memory_mb for point in told])
        finish(time, growth, "Time (s)")
        finish(memory, growth, "Peak memory of inputs and work (MB)")
        made_up = "simulated features" if "D" in growth.letters else "made-up heads"
        figure.suptitle(f"{growth.stage}: {growth.what}; {made_up}", fontsize=10)
        for file in files:
            figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else {})
    return files


def draw(
    axes: "Axes",
    growth: StageGrowth,
    letter: str,
    points: Sequence[Point],
    values: Sequence[float],
    *,
    quartiles: Any = None,
) -> None:
    """A line over the multiples of the base, named by where it leads and its slopes."""
    sizes = [point.size.on_axis(letter) for point in points]
    whole, last = fit_slopes(sizes, values)
    axes.errorbar(
        np.array(sizes) / growth.base.on_axis(letter),
        values,
        None if quartiles is None else np.abs(quartiles - values),
        label=f"{NAMES[letter]}, {sizes[0]:,} to {sizes[-1]:,}: slope {whole} ({last})",
        markersize=4,
        markerfacecolor="white",
        linewidth=1.2,
        capsize=2,
        **LINES[letter],
    )


def finish(axes: "Axes", growth: StageGrowth, what: str) -> None:
    """Scales, names and legend of a panel."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"Size, as a multiple of {growth.base.text(growth.letters)}")
    axes.set_ylabel(what)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", title="last half in brackets", title_fontsize=7.5)
    # Room for the legend above the lines.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.45)
