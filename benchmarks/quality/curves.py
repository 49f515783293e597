"""How ACC falls as classes grow unequal, on the same set at several ratios."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.figures import STYLE, write_figure
from benchmarks.quality.page import interval
from benchmarks.quality.record import QualityRecord
from benchmarks.sets import Opener, sphere_file, thinner

RATIOS = (1, 3, 10, 30, 100)
SCORES = ("ACC", "class ACC")
# In Okabe and Ito's colours, which the colour-blind tell apart, and with markers.
LINES = (
    ("#E69F00", "s--"), ("#56B4E9", "^:"), ("#009E73", "D-."), ("#CC79A7", "v--"),
    ("#0072B2", "x:"), ("black", "o-"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ImbalanceRecord(QualityRecord):
    """The figures of each cell, with the sets in the order of their ratios."""

    made_by: ClassVar[str] = "imbalance"
    title: ClassVar[str] = "UCLS beside its peers as classes grow unequal"

    curves: dict[str, dict[str, int]] = field(default_factory=dict)
    """By what was made unequal, the ratio of each of its sets."""


def at_ratios(openers: Mapping[str, Opener]) -> dict[str, dict[int, Opener]]:
    """The sphere, made at each ratio, and sources, thinned to each."""
    return {
        "sphere": {ratio: sphere_file(ratio) for ratio in RATIOS},
        **{
            name: {ratio: thinner(opener, ratio) for ratio in RATIOS}
            for name, opener in openers.items()
        },
    }


def set_name(name: str, ratio: int) -> str:
    """Of a set at a ratio."""
    return f"{name}, {ratio}:1"


def plot_curves(record: ImbalanceRecord, stem: Path) -> list[Path]:
    """Plots ACC and class ACC over the ratio, a row for each curve; returns the SVG and the PNG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.6 * len(record.curves)), layout="constrained")
        panels = figure.subplots(len(record.curves), 2, squeeze=False, sharex=True, sharey=True)
        for row, (name, ratios) in zip(panels, record.curves.items(), strict=True):
            for axes, score in zip(row, SCORES, strict=True):
                _draw(axes, record, ratios, score=score)
                axes.set_ylabel(f"{score} on {name}")
        for axes in panels[-1]:
            axes.set_xlabel("Largest over least class")
        panels[0, 0].legend()
        return write_figure(figure, stem)


def _draw(axes: Any, record: ImbalanceRecord, ratios: Mapping[str, int], *, score: str) -> None:
    """A line for each method, with the intervals of several seeds."""
    methods = dict.fromkeys(method for name in ratios for method in record.results[name])
    for method, (color, line) in zip(methods, cycle(LINES), strict=False):
        runs = {ratio: record.results[name][method] for name, ratio in ratios.items()}
        found = [interval(run[score] for run in seeds.values()) for seeds in runs.values()]
        halves = [one.half or 0.0 for one in found]
        means = [one.mean for one in found]
        axes.errorbar([*runs], means, halves, color=color, fmt=line, label=method, capsize=2)
    axes.set_xscale("log")
    axes.set_xticks([*ratios.values()], [f"{ratio}:1" for ratio in ratios.values()])
    axes.minorticks_off()
    axes.set_ylim(0.0, 1.02)
