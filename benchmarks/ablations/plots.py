"""One plot for each study, to be read without colour too."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from benchmarks.ablations.plan import Results
from benchmarks.ablations.rows import Row
from benchmarks.ablations.tables import PARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Equal figures give equal files.
STYLE: dict[Any, Any] = {
    "font.size": 9, "axes.grid": True, "grid.color": "0.92", "legend.frameon": False,
    "legend.fontsize": 8, "svg.hashsalt": "ucls",
}  # fmt: skip
MARKS: Mapping[str, Mapping[str, Any]] = {
    "best_head": {"color": "black", "marker": "o", "linestyle": "-"},
    "heads": {"color": "0.5", "marker": "s", "linestyle": "--"},
    "ensemble": {"color": "0.25", "marker": "^", "linestyle": ":"},
    "self_training": {"color": "0.4", "marker": "D", "linestyle": "-."},
}
NEIGHBORS = {"accuracy_above": "ACC above the threshold", "accuracy": "ACC of all"}
ABOVE: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}


def plot_study(results: Results, rows: Sequence[Row], base: Path) -> list[Path]:
    """Plots ACC by row, and writes ``base`` with ``.svg`` and ``.png``; there is a row or more."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    study = results.plan.study
    n_panels = 2 if study.shows_neighbors else 1
    files = [base.with_name(f"{base.name}.{end}") for end in ("svg", "png")]
    with rc_context(STYLE):
        canvas = Figure(figsize=(max(6.0, 1.1 * len(rows)), 0.9 + 2.7 * n_panels))
        canvas.set_layout_engine("constrained")
        top, *below = canvas.subplots(n_panels, squeeze=False, sharex=True)[:, 0]
        for part in study.parts:
            label = "Mean of the heads ± std" if part == "heads" else PARTS[part]
            draw(top, rows, (part, "acc"), label=label, style=MARKS[part])
        top.set_ylabel(f"ACC on {results.split} (%)")
        top.legend(**ABOVE, ncols=len(study.parts))
        for axes in below:
            draw_neighbors(axes, rows)
        top.set_xticks(range(len(rows)), [fill(row.label, 16) for row in rows])
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


def draw(
    axes: "Axes", rows: Sequence[Row], of: tuple[str, str], *, label: str, style: Mapping[str, Any]
) -> None:
    """A line over the rows that have a figure, with its deviation."""
    figures = {place: row.get(*of) for place, row in enumerate(rows)}
    known = {place: figure for place, figure in figures.items() if figure is not None}
    axes.errorbar(
        list(known),
        [figure.mean for figure in known.values()],
        [figure.spread or 0.0 for figure in known.values()],
        capsize=2,
        elinewidth=0.8,
        label=label,
        **style,
    )


def draw_neighbors(axes: "Axes", rows: Sequence[Row]) -> None:
    """How many neighbours there are, and on the right how many of them are right."""
    right = axes.twinx()
    draw(axes, rows, ("neighbors", "mean_count"), label="Number", style=MARKS["best_head"])
    for (name, label), style in zip(NEIGHBORS.items(), ("heads", "ensemble"), strict=True):
        draw(right, rows, ("neighbors", name), label=label, style=MARKS[style])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Neighbours per image")
    right.set_ylabel("Neighbour ACC on train (%)")
    right.grid(visible=False)
    right.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0))
