import pytest

from benchmarks.speed.growth.sizes import FULL, QUICK, Grid, doublings
from benchmarks.speed.growth.works import WORKS
from benchmarks.speed.size import Size


def test_doublings_lie_around_the_middle():
    assert doublings(64, 2, 1) == [16, 32, 64, 128]


def test_an_axis_is_varied_with_the_others_fixed():
    sizes = Grid(Size(10, 3, 2, 8), N=(1, 1), C=(0, 1)).sizes()
    assert sizes == [Size(5, 3, 2, 8), Size(10, 3, 2, 8), Size(20, 3, 2, 8), Size(10, 6, 2, 8)]


@pytest.mark.parametrize("grids", [FULL, QUICK], ids=["full", "quick"])
@pytest.mark.parametrize("stage", WORKS)
def test_every_axis_has_four_sizes_or_more_and_there_are_images_enough(grids, stage):
    grid = grids[stage]
    for letter, values in grid.axes.items():
        assert len(values) >= 4
        assert grid.base.on_axis(letter) in values
    for size in grid.sizes():
        assert size.n_images >= 4 * size.n_clusters
        assert size.n_features % 2 == 0 or "D" not in grid.axes
