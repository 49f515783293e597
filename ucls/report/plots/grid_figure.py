"""A grid of pictures: a row for each cluster, its most typical images first."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from ucls.report.plots.style import DPI, LIGHT_GREY, TWO_COLUMNS, new_figure, shorten

NAMES_WIDTH = 1.1
N_PER_ROW = 10
GAP = 0.04
PIXELS = round((TWO_COLUMNS - NAMES_WIDTH) / N_PER_ROW * DPI)


class GridRow(NamedTuple):
    """A cluster and what stands for it."""

    title: str
    """Its name, then a line on its size."""
    pictures: Sequence[Image.Image]
    """At most ``N_PER_ROW``, as :func:`tile` makes them."""


def tile(picture: Image.Image) -> Image.Image:
    """The square in the middle of a picture, as large as it is printed; see-through is white."""
    if picture.has_transparency_data:
        opaque = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    is_enlarged = min(picture.size) * 4 <= PIXELS
    # Smoothed, a picture of a few pixels would look like one out of focus.
    method = Image.Resampling.NEAREST if is_enlarged else Image.Resampling.LANCZOS
    return ImageOps.fit(picture.convert("RGB"), (PIXELS, PIXELS), method)


def grid_figure(rows: Sequence[GridRow]) -> Figure:
    """Draws the rows from top to bottom, on two columns of a paper."""
    side = (TWO_COLUMNS - NAMES_WIDTH) / N_PER_ROW
    figure = new_figure(TWO_COLUMNS, side * len(rows))
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    for place, row in enumerate(rows):
        title = axes.text(-0.1, place + 0.5, row.title, ha="right", va="center", fontsize=7)
        shorten(title, NAMES_WIDTH - 0.1)
        for column, picture in enumerate(row.pictures):
            extent = (column + GAP, column + 1 - GAP, place + 1 - GAP, place + GAP)
            axes.imshow(np.asarray(picture), extent=extent, interpolation="none", aspect="auto")
    # In units of a tile; set last, as pictures move the limits.
    axes.set(xlim=(-NAMES_WIDTH / side, N_PER_ROW), ylim=(len(rows), 0))
    axes.hlines(
        range(1, len(rows)), -NAMES_WIDTH / side, N_PER_ROW, color=LIGHT_GREY, linewidth=0.4
    )
    return figure
