import pytest

from benchmarks.speed.growth.sizes import FULL, QUICK, Grid, Size, doublings
from benchmarks.speed.growth.works import WORKS

GRIDS = [(name, stage) for name in ("FULL", "QUICK") for stage in WORKS]


def test_doublings_lie_around_the_middle():
    assert doublings(64, 2, 1) == (16, 32, 64, 128)


def test_an_axis_is_varied_with_the_others_fixed():
    grid = Grid(Size(10, 3, 2, 8), {"N": (5, 10, 20), "C": (3, 6)})
    assert grid.sizes() == [(5, 3, 2, 8), (10, 3, 2, 8), (20, 3, 2, 8), (10, 6, 2, 8)]


@pytest.mark.parametrize("letter", "NCHD")
def test_a_letter_stands_for_a_field(letter):
    size = Size(1, 2, 3, 4).with_axis(letter, 9)
    assert size.on_axis(letter) == 9
    assert sum(size) == 10 + 9 - Size(1, 2, 3, 4).on_axis(letter)


@pytest.mark.parametrize(("name", "stage"), GRIDS)
def test_every_axis_has_four_sizes_or_more_and_holds_the_base(name, stage):
    grid = {"FULL": FULL, "QUICK": QUICK}[name][stage]
    for letter, values in grid.axes.items():
        assert len(values) >= 4
        assert sorted(set(values)) == list(values)
        assert grid.base.on_axis(letter) in values


@pytest.mark.parametrize(("name", "stage"), GRIDS)
def test_there_are_images_enough(name, stage):
    for size in {"FULL": FULL, "QUICK": QUICK}[name][stage].sizes():
        assert size.n_images >= 4 * size.n_clusters
        assert size.n_features % 2 == 0 or "D" not in FULL[stage].axes
