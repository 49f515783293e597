"""Figures, for the screen and for papers."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Equal figures give equal files.
STYLE: dict[Any, Any] = {
    "font.size": 9, "axes.grid": True, "grid.color": "0.9", "legend.frameon": False,
    "legend.fontsize": 7.5, "svg.hashsalt": "ucls", "lines.markersize": 4, "lines.linewidth": 1.2,
    "lines.markerfacecolor": "white", "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def write_figure(figure: "Figure", stem: Path) -> list[Path]:
    """Writes a figure as SVG and PNG; a suffix is added to the stem."""
    files = [stem.with_name(stem.name + suffix) for suffix in (".svg", ".png")]
    for file in files:
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else {})
    return files
