import numpy as np
import pytest

from benchmarks.speed.growth.measuring import SMALLEST
from benchmarks.speed.growth.works import FULL, QUICK, WORKS, Grid, ring_neighbors
from benchmarks.speed.size import Size


@pytest.mark.parametrize("stage", WORKS)
def test_the_work_of_every_stage_can_be_done_again(stage):
    work = WORKS[stage][1](SMALLEST)
    work()
    work()


def test_merging_merges_to_the_clusters_that_are_wanted():
    merged = WORKS["merge"][1](Size(2000, 5, 3, 1))()
    assert [head.n_clusters for head in merged.heads] == [15] * 3
    assert len(set(merged.heads[0].cut(5))) == 5


def test_neighbours_on_the_ring_are_mostly_of_the_same_class():
    classes = np.random.default_rng(0).integers(0, 4, 400).astype(np.int32)
    neighbors = ring_neighbors(classes, 10)
    assert neighbors.shape == (400, 10)
    assert not (neighbors == np.arange(400)[:, None]).any()
    assert 0.9 < (classes[neighbors] == classes[:, None]).mean() < 1.0


def test_an_axis_is_varied_with_the_others_fixed():
    sizes = Grid(Size(10, 3, 2, 8), N=(1, 1), C=(0, 1)).sizes()
    assert sizes == [Size(5, 3, 2, 8), Size(10, 3, 2, 8), Size(20, 3, 2, 8), Size(10, 6, 2, 8)]


@pytest.mark.parametrize("grids", [FULL, QUICK], ids=["full", "quick"])
@pytest.mark.parametrize("stage", WORKS)
def test_every_axis_has_four_sizes_or_more_and_there_are_images_enough(grids, stage):
    grid = grids[stage]
    assert all(sum(times) >= 3 for times in grid.axes.values())
    assert all(size.n_images >= 4 * size.n_clusters for size in grid.sizes())
