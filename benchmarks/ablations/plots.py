"""One plot for each study, to be read without colour too."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.ablations.plan import Results
from benchmarks.ablations.rows import Figure, Row
from benchmarks.ablations.study import Part, Study
from benchmarks.ablations.tables import PARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.92",
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    # Equal figures give equal files.
    "svg.hashsalt": "ucls",
}
BARS: Mapping[Part, Mapping[str, Any]] = {
    "best_head": {"facecolor": "0.93"},
    "heads": {"facecolor": "0.93", "hatch": "...."},
    "ensemble": {"facecolor": "0.75", "hatch": "////"},
    "self_training": {"facecolor": "0.4"},
}
LINES: Mapping[str, Mapping[str, Any]] = {
    "best_head": {"color": "black", "marker": "o", "linestyle": "-"},
    "heads": {"color": "0.5", "marker": "s", "linestyle": "--"},
    "ensemble": {"color": "0.25", "marker": "^", "linestyle": ":"},
}
UNKNOWN = float("nan")
ABOVE: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
BAR_LABEL: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 6.5}


def plot_study(results: Results, rows: Sequence[Row], base: Path) -> list[Path]:
    """Plots ACC by row, and writes it as SVG and PNG.

    Args:
        results: of the study, the source and the split.
        rows: at least one.
        base: of the files, without a suffix.

    Returns:
        The files.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    study, is_sweep = results.plan.study, bool(results.plan.study.setting)
    n_panels = 2 if study.shows_neighbors else 1
    size = (6.0 if is_sweep else max(4.5, 1.0 + 1.1 * len(rows)), 0.9 + 2.7 * n_panels)
    files = [base.with_name(f"{base.name}.{end}") for end in ("svg", "png")]
    with rc_context(STYLE):
        canvas = Canvas(figsize=size, layout="constrained")
        top, *below = canvas.subplots(n_panels, squeeze=False, sharex=True)[:, 0]
        draw = draw_lines if is_sweep else draw_bars
        draw(top, study, rows)
        bottom = top.get_ylim()[0]
        cut = f", axis from {bottom:g}" if bottom > 0 and not is_sweep else ""
        top.set_ylabel(f"ACC on {results.split} (%){cut}")
        for axes in below:
            draw_neighbors(axes, rows)
        canvas.axes[n_panels - 1].set_xlabel(study.axis)
        canvas.suptitle(title_of(results), fontsize=10)
        for file in files:
            canvas.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else {})
    return files


def title_of(results: Results) -> str:
    """What is shown, of which images, and whether these are made up."""
    n_seeds = len({trial.seed for trial in results.trials})
    seeds = f"{n_seeds} seed{'s' if n_seeds > 1 else ''}"
    return f"{results.plan.study.title}: {results.title}, {seeds}"


def draw_bars(axes: "Axes", study: Study, rows: Sequence[Row]) -> None:
    """A group of bars for each row, and a bar for each part."""
    width = 0.8 / len(study.parts)
    for place, part in enumerate(study.parts):
        shift = (place - (len(study.parts) - 1) / 2) * width
        drawn = [(x + shift, row.get(part, "acc")) for x, row in enumerate(rows)]
        points = [(x, figure) for x, figure in drawn if figure is not None]
        axes.bar(
            [x for x, _ in points],
            [figure.mean for _, figure in points],
            width,
            yerr=[UNKNOWN if f.spread is None else f.spread for _, f in points],
            error_kw={"elinewidth": 0.8, "capsize": 2},
            edgecolor="black",
            linewidth=0.7,
            label=_name(part),
            **BARS[part],
        )
        for x, figure in points:
            axes.text(x, figure.mean + (figure.spread or 0.0), f" {figure.mean:.1f}", **BAR_LABEL)
    axes.set_xticks(range(len(rows)), [fill(row.label, 16) for row in rows])
    axes.grid(visible=False, axis="x")
    low, high = bounds([row.get(part, "acc") for part in study.parts for row in rows])
    axes.set_ylim(low, high)
    axes.legend(**ABOVE, ncols=len(study.parts))


def bounds(figures: Sequence[Figure | None]) -> tuple[float, float]:
    """The range of an axis of percents: whole tens, with room for what is written on bars."""
    known = [figure for figure in figures if figure is not None]
    lowest = min(figure.mean - (figure.spread or 0.0) for figure in known)
    highest = max(figure.mean + (figure.spread or 0.0) for figure in known)
    low = max(0.0, 10.0 * math.floor((lowest - 3.0) / 10.0))
    return low, highest + 0.06 * (highest - low)


def draw_lines(axes: "Axes", study: Study, rows: Sequence[Row]) -> None:
    """A line for each part over the values of the rows, and a band for the spread of the heads."""
    lines: list[Any] = []
    for part in study.parts:
        x, figures = known_points(rows, part, "acc")
        means = np.array([figure.mean for figure in figures])
        spreads = np.array([UNKNOWN if f.spread is None else f.spread for f in figures])
        if part == "heads":
            axes.fill_between(x, means - spreads, means + spreads, color="0.88", linewidth=0)
            lines += axes.plot(x, means, label=_name(part), **LINES[part])
        else:
            bars: dict[str, Any] = {"capsize": 2, "elinewidth": 0.8, "label": _name(part)}
            lines.append(axes.errorbar(x, means, spreads, **bars, **LINES[part]))
    axes.legend(handles=lines, **ABOVE, ncols=len(lines))


def draw_neighbors(axes: "Axes", rows: Sequence[Row]) -> None:
    """How many neighbours there are, and on the right how many of them are right."""
    right = axes.twinx()
    right.spines["right"].set_visible(True)
    right.grid(visible=False)
    lines = []
    for side, name, label, style in (
        (axes, "mean_count", "Number", "best_head"),
        (right, "accuracy_above", "ACC above the threshold", "heads"),
        (right, "accuracy", "ACC of all", "ensemble"),
    ):
        x, figures = known_points(rows, "neighbors", name)
        means = [figure.mean for figure in figures]
        lines += side.plot(x, means, label=label, **LINES[style])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Neighbours per image")
    right.set_ylabel("Neighbour ACC on train (%)")
    axes.legend(handles=lines, **ABOVE, ncols=len(lines))


def known_points(rows: Sequence[Row], group: str, name: str) -> tuple[list[float], list[Figure]]:
    """The values of the rows that have a figure, rising, and the figures."""
    found = [(float(row.key), figure) for row in rows if (figure := row.get(group, name))]
    found.sort(key=lambda point: point[0])
    return [value for value, _ in found], [figure for _, figure in found]


def _name(part: Part) -> str:
    return "Mean of the heads ± std" if part == "heads" else PARTS[part]
