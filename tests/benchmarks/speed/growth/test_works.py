import numpy as np
import pytest

from benchmarks.speed.growth.measuring import SMALLEST
from benchmarks.speed.growth.works import WORKS, ring_neighbors
from benchmarks.speed.size import Size
from ucls.merging import MergedHeads


@pytest.mark.parametrize("stage", WORKS)
def test_the_work_of_every_stage_can_be_done_again(stage):
    work = WORKS[stage].prepare(SMALLEST)
    work()
    work()


def test_merging_merges_to_the_clusters_that_are_wanted():
    merged = WORKS["merge"].prepare(Size(2000, 5, 3, 1))()
    assert isinstance(merged, MergedHeads)
    assert [head.n_clusters for head in merged.heads] == [15] * 3
    assert len(set(merged.heads[0].cut(5))) == 5


def test_neighbours_on_the_ring_are_mostly_of_the_same_class():
    classes = np.random.default_rng(0).integers(0, 4, 400).astype(np.int32)
    neighbors = ring_neighbors(classes, 10)
    assert neighbors.shape == (400, 10)
    assert not (neighbors == np.arange(400)[:, None]).any()
    assert 0.9 < (classes[neighbors] == classes[:, None]).mean() < 1.0
