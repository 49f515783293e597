"""One plot for each study, to be read without colour too."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from benchmarks.ablations.rows import NEIGHBORS, PARTS, Of, Results, Row

STYLES = (("black", "o-"), ("0.5", "s--"), ("0.25", "^:"), ("0.4", "D-."))


def plot_study(results: Results, rows: Sequence[Row], path: Path) -> None:
    """Plots ACC by row; of studies that show neighbours their accuracy and number below it."""
    from matplotlib.figure import Figure

    study = results.plan.study
    panels: dict[str, dict[Of, str]] = {
        f"ACC on {results.split} (%)": {(part, "acc"): PARTS[part] for part in study.parts}
    }
    if study.shows_neighbors:
        heading = {("neighbors", name): text for name, text in NEIGHBORS.items()}
        count = heading.pop(("neighbors", "mean_count"))
        panels |= {"On train (%)": heading, count: {("neighbors", "mean_count"): count}}
    size = (max(6.0, 1.1 * len(rows)), 0.9 + 2.7 * len(panels))
    canvas = Figure(figsize=size, layout="constrained")
    drawn = canvas.subplots(len(panels), squeeze=False, sharex=True)[:, 0]
    for axes, (name, lines) in zip(drawn, panels.items(), strict=True):
        for (of, label), (color, mark) in zip(lines.items(), STYLES, strict=False):
            known = [place for place, row in enumerate(rows) if of in row.figures]
            found = [rows[place].figures[of] for place in known]
            means, spreads = [one.mean for one in found], [one.spread or 0.0 for one in found]
            axes.errorbar(known, means, spreads, color=color, fmt=mark, label=label, capsize=2)
        axes.set_ylabel(name)
        axes.legend(fontsize=8)
    axes.set_xticks(range(len(rows)), [fill(row.label, 16) for row in rows])
    axes.set_xlabel(study.axis)
    canvas.suptitle(f"{study.title}: {results.plan.source.name}", fontsize=10)
    canvas.savefig(path, dpi=150)
