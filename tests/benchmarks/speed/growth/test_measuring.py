import time

import numpy as np
import pytest

from benchmarks.speed.growth import measuring
from benchmarks.speed.growth.measuring import measure_growth, measure_size, resident_mb
from benchmarks.speed.growth.sizes import Grid
from benchmarks.speed.growth.works import WORKS, StageWork
from benchmarks.speed.size import Size
from ucls.errors import UclsError

GRID = Grid(Size(2000, 5, 4), N=(1, 7))
SIZE = Size(10, 2)


def make_stage(inputs_mb=0, work_mb=0, seconds=0.0, done=None):
    def prepare(size):
        inputs = np.ones(inputs_mb * 125_000)

        def work():
            time.sleep(seconds)
            if done is not None:
                done.append(size)
            return inputs, np.ones(work_mb * 125_000)

        return work

    return StageWork("nothing", prepare)


def test_a_process_measures_every_size():
    growth = measure_growth("ensemble", GRID, repeats=2)
    assert growth.base == GRID.base
    assert growth.what == WORKS["ensemble"].what
    assert growth.sizes("N")[:2] == [1000, 2000]
    assert all(len(point.seconds) == 2 for point in growth.points)
    assert growth.points[-1].median > growth.points[0].median
    # The heads alone take 4.1 MB, and the process without them many times that.
    assert 4.1 < growth.points[-1].memory_mb < 80


def test_a_process_that_fails_is_told(monkeypatch):
    monkeypatch.setitem(measuring.WORKS, "no-such", WORKS["ensemble"])
    with pytest.raises(
        UclsError, match=r"measure_sizes stopped .* exit code 1: KeyError: .no-such."
    ):
        measure_growth("no-such", GRID, repeats=1)


@pytest.mark.parametrize(("inputs", "work"), [(0, 100), (60, 0), (60, 100)])
def test_memory_is_that_of_inputs_and_work(inputs, work):
    stage = make_stage(inputs, work)
    _, memory_mb = measure_size(stage, SIZE, repeats=1, bare_mb=resident_mb())
    assert memory_mb == pytest.approx(inputs + work, abs=15)


def test_each_repeat_is_timed_after_a_first_run():
    done = []
    stage = make_stage(seconds=0.01, done=done)
    seconds, _ = measure_size(stage, SIZE, repeats=3, bare_mb=0.0)
    assert len(seconds) == 3
    assert min(seconds) >= 0.01
    assert done == [SIZE] * 4


def test_a_first_run_that_takes_long_counts_as_the_only_one(monkeypatch):
    monkeypatch.setattr(measuring, "LONG", 0.005)
    done = []
    stage = make_stage(seconds=0.01, done=done)
    (seconds,), _ = measure_size(stage, SIZE, repeats=3, bare_mb=0.0)
    assert seconds >= 0.01
    assert done == [SIZE]
