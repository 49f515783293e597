import time

import numpy as np
import pytest

from benchmarks.speed.growth import works
from benchmarks.speed.measurement import Size

SIZE = Size(10, 2)


@pytest.mark.parametrize("stage", works.WORKS)
def test_the_work_of_every_stage_can_be_done_again(stage):
    work = works.WORKS[stage][1](works.SMALLEST)
    work()
    work()


def test_merging_merges_to_the_clusters_that_are_wanted():
    merged = works.prepare_merge(Size(2000, 5, 3, 1))()
    assert [len(head.leaf_of) for head in merged.heads] == [15] * 3
    assert len(set(merged.heads[0].cut(5))) == 5


def test_neighbours_on_the_ring_are_mostly_of_the_same_class():
    classes = np.random.default_rng(0).integers(0, 4, 400).astype(np.int32)
    neighbors = works.ring_neighbors(classes, 10)
    assert neighbors.shape == (400, 10)
    assert not (neighbors == np.arange(400)[:, None]).any()
    assert 0.9 < (classes[neighbors] == classes[:, None]).mean() < 1.0


def test_an_axis_is_varied_with_the_others_fixed():
    sizes = works.sizes_of((Size(10, 3, 2, 8), {"N": (1, 1), "C": (0, 1)}))
    assert sizes == [Size(5, 3, 2, 8), Size(10, 3, 2, 8), Size(20, 3, 2, 8), Size(10, 6, 2, 8)]


@pytest.mark.parametrize("kind", ["full", "quick"])
def test_every_axis_has_four_sizes_or_more_and_there_are_images_enough(kind):
    grids = works.read_grids(kind)
    assert list(grids) == list(works.WORKS)
    for grid in grids.values():
        assert all(sum(times) >= 3 for times in grid[1].values())
        assert all(size.n_images >= 4 * size.n_clusters for size in works.sizes_of(grid))


def stage_of(inputs_mb=0, work_mb=0, done=None):
    """Makes inputs and does work of so much memory, within 10 milliseconds."""

    def prepare(size):
        inputs = np.ones(inputs_mb * 125_000)

        def work():
            time.sleep(0.01)
            if done is not None:
                done.append(size)
            return inputs, np.ones(work_mb * 125_000)

        return work

    return prepare


@pytest.mark.slow
def test_a_process_measures_every_size():
    growth = works.measure_growth("ensemble", (Size(2000, 5, 4), {"N": (1, 7)}), repeats=2)
    sizes, seconds = growth.seconds("N")
    assert sizes == [1000 * 2**power for power in range(9)]
    assert all(len(point.seconds) == 2 for point in growth.points)
    assert seconds[-1] > seconds[0]
    # The heads alone take 4.1 MB, and the process without them many times that.
    assert 4.1 < growth.points[-1].memory_mb < 80


@pytest.mark.parametrize(("inputs", "work"), [(0, 100), (60, 100)])
def test_memory_is_that_of_inputs_and_work(inputs, work):
    _, memory_mb = works.measure_size(
        stage_of(inputs, work), SIZE, repeats=1, bare_mb=works.resident_mb()
    )
    assert memory_mb == pytest.approx(inputs + work, abs=15)


@pytest.mark.parametrize(("long", "n_timed", "n_done"), [(10.0, 3, 4), (0.005, 1, 1)])
def test_a_first_run_that_takes_long_counts_as_the_only_one(long, n_timed, n_done, monkeypatch):
    monkeypatch.setattr(works, "LONG", long)
    done = []
    seconds, _ = works.measure_size(stage_of(done=done), SIZE, repeats=3, bare_mb=0.0)
    assert min(seconds) >= 0.01
    assert (len(seconds), done) == (n_timed, [SIZE] * n_done)
