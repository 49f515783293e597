import pytest
from matplotlib.figure import Figure

from benchmarks.speed.growth.page import growth_page, growth_rows, plot_growth
from tests.benchmarks.speed.growth.samples import growth_record, stage_growth


def test_a_line_for_each_axis_of_each_stage():
    rows = list(growth_rows([stage_growth("train"), stage_growth("ensemble")]))
    assert [row[1] for row in rows] == ["N", "C", "H", "D", "N", "C", "H"]
    assert rows[0][2:4] == ["1,024", "8,192"]
    assert rows[0][5:7] == ["2.00 ± 0.00", "2.00"]
    assert rows[4][-3:] == ["33 to 262", "1.00 ± 0.00", "1.00"]
    # Memory is left out where it is noise.
    assert next(growth_rows([stage_growth("self-train")]))[-3:] == ["1 to 8", "-", "-"]


def test_the_page_says_where_its_figures_come_from():
    text = growth_page(record := growth_record())
    assert f"2 repeats on {record.machine['processor']}" in text
    assert record.command in text
    assert "- merge: merging heads of 3 C clusters, around N=4,096, C=8, H=4" in text
    assert text.count("| train ") == 4


@pytest.mark.slow
def test_a_plot_is_written_twice_and_always_the_same(tmp_path):
    folders = tmp_path / "first", tmp_path / "again"
    for folder in folders:
        folder.mkdir()
    first, again = (plot_growth(stage_growth("train"), folder) for folder in folders)
    assert [path.name for path in first] == ["train.svg", "train.png"]
    assert first[0].read_bytes() == again[0].read_bytes()


def test_the_plot_names_axes_units_and_slopes(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    plot_growth(stage_growth("train"), tmp_path)
    time, memory = figures[0].axes
    assert figures[0].get_suptitle() == "train: an epoch, batch 1,024; simulated features"
    assert time.get_xlabel() == "Size, as a multiple of N=1,024, C=32, H=4, D=128"
    assert time.get_legend_handles_labels()[1][0] == (
        "images N, 1,024 to 8,192: slope 2.00 ± 0.00 (2.00)"
    )
    # N and H grow; the others are flat; with two halvings H is told from noise.
    assert (len(time.lines), len(memory.lines)) == (4, 3)
    assert len({(line.get_marker(), line.get_linestyle()) for line in time.lines}) == 4
