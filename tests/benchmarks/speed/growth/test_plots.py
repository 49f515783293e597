import pytest
from PIL import Image

from benchmarks.speed.growth.plots import plot_growth
from tests.benchmarks.speed.growth.samples import stage_growth


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return plot_growth(stage_growth("train"), tmp_path_factory.mktemp("plots"))


def test_a_stage_has_an_svg_and_a_png(drawn):
    assert [path.name for path in drawn] == ["train.svg", "train.png"]
    with Image.open(drawn[1]) as image:
        assert image.width > 1000


def test_the_plot_names_axes_units_and_slopes(drawn, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    plot_growth(stage_growth("train"), tmp_path)
    time, memory = figures[0].axes
    assert figures[0].get_suptitle() == "train: an epoch, batch 1,024; simulated features"
    assert (time.get_xscale(), time.get_yscale()) == ("log", "log")
    assert time.get_ylabel() == "Time (s)"
    assert memory.get_ylabel() == "Peak memory of inputs and work (MB)"
    assert time.get_xlabel() == "Size, as a multiple of N=1,024, C=32, H=4, D=128"
    labels = time.get_legend_handles_labels()[1]
    assert labels[0] == "images N, 1,024 to 8,192: slope 2.00 ± 0.00 (2.00)"
    assert len(labels) == 4
    # N and H grow; the others are flat, but told from noise.
    assert len(memory.get_legend_handles_labels()[1]) == 3
    # They differ without colour too.
    lines = [bars.lines[0] for bars in time.containers]
    styles = {(line.get_marker(), line.get_linestyle()) for line in lines}
    assert len(styles) == 4


def test_equal_figures_give_equal_files(drawn, tmp_path):
    again = plot_growth(stage_growth("train"), tmp_path)
    assert again[0].read_bytes() == drawn[0].read_bytes()
