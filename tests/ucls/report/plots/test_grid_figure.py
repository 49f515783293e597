import numpy as np
import pytest
from PIL import Image

from ucls.report.plots.grid_figure import N_PER_ROW, PIXELS, GridRow, grid_figure, tile
from ucls.report.plots.style import TWO_COLUMNS


def test_rows_have_titles_and_pictures() -> None:
    picture = tile(Image.new("RGB", (30, 20), "red"))
    rows = [GridRow("0 cats\n12 images", [picture] * N_PER_ROW), GridRow("1\n2 images", [picture])]
    figure = grid_figure(rows)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["0 cats\n12 images", "1\n2 images"]
    assert len(axes.images) == N_PER_ROW + 1
    assert figure.get_figwidth() == TWO_COLUMNS
    # All tiles are squares on the page.
    box = axes.images[0].get_window_extent()
    assert box.width == pytest.approx(box.height, rel=0.01)


def test_wide_titles_stay_on_the_page() -> None:
    figure = grid_figure([GridRow("W" * 40 + "\n1,234,567 images", []), GridRow("1\n1 image", [])])
    figure.draw_without_rendering()
    for text in figure.axes[0].texts:
        assert text.get_window_extent().x0 >= 0


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (4000, 3), (300, 200)])
def test_any_picture_becomes_a_square(mode: str, size: tuple[int, int]) -> None:
    shown = tile(Image.new(mode, size))
    assert (shown.mode, shown.size) == ("RGB", (PIXELS, PIXELS))


def test_the_middle_is_shown_and_nothing_is_stretched() -> None:
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255
    assert np.asarray(tile(Image.fromarray(pixels))).mean() > 250


def test_small_pictures_keep_their_edges_and_see_through_is_white() -> None:
    shown = np.asarray(tile(Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))))
    assert set(np.unique(shown)) == {0, 255}
    assert np.asarray(tile(Image.new("RGBA", (9, 9), (0, 0, 0, 0)))).min() == 255
