"""What all figures look like, and how one becomes PNG and SVG.

The colours are those of M. Okabe and K. Ito, "Color Universal Design", 2008, without the yellow,
which is too light for small marks on white.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.text import Text

ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0
"""Inches."""
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
GREY, LIGHT_GREY = "#767676", "#D9D9D9"
DPI = 300
FORMATS = ("png", "svg")
FONTS = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "Hiragino Sans",
    "Arial Unicode MS",
    "Noto Sans Devanagari",
    "Noto Emoji",
)
"""The later ones, where they are installed, for signs that the ones before lack."""
_STYLE: Any = {
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "savefig.dpi": DPI,
    "savefig.facecolor": "white",
    "axes.unicode_minus": True,
    # Names of clusters are no mathematics, whatever signs they hold.
    "text.parse_math": False,
    "text.usetex": False,
    "axes.formatter.use_mathtext": False,
    # Text can be searched and edited then, and takes the font of who opens it.
    "svg.fonttype": "none",
    "svg.hashsalt": "ucls",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draws in the style of the figures, whatever a user has set for matplotlib."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        installed = set(get_font_names())
        families = [font for font in FONTS if font in installed]
        # Who opens an SVG may have none of these.
        mpl.rcParams["font.family"] = [*families, "sans-serif"]
        # Signs that no font here has become boxes; that is no reason to complain.
        warnings.filterwarnings("ignore", message=r".*Glyph .* missing from.*")
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of some inches that needs no display."""
    return Figure(figsize=(width, height), layout="constrained")


def shorten(text: Text, width: float) -> None:
    """Cuts the first line of a text of a figure until the text is at most so many inches wide."""
    while _width(text) > width and len(text.get_text().partition("\n")[0]) > 1:
        first, line_end, others = text.get_text().partition("\n")
        text.set_text(first.rstrip("…")[:-1].rstrip() + "…" + line_end + others)


def _width(text: Text) -> float:
    figure: Any = text.get_figure(root=True)
    renderer: Any = FigureCanvasAgg(figure)
    return float(text.get_window_extent(renderer.get_renderer()).width / figure.dpi)


def save_figure(figure: Figure, path: Path, kind: str) -> None:
    """Writes a figure as ``png`` or ``svg``; the same figure gives the same bytes."""
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(path, format=kind, metadata=metadata)
