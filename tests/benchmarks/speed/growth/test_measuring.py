import time

import numpy as np
import pytest

from benchmarks.speed.growth import measuring
from benchmarks.speed.growth.measuring import measure_growth, measure_size, resident_mb
from benchmarks.speed.growth.works import Grid
from benchmarks.speed.size import Size

SIZE = Size(10, 2)


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


def test_a_process_measures_every_size():
    growth = measure_growth("ensemble", Grid(Size(2000, 5, 4), N=(1, 7)), repeats=2)
    sizes, seconds = growth.seconds("N")
    assert sizes == [1000 * 2**power for power in range(9)]
    assert all(len(point.seconds) == 2 for point in growth.points)
    assert seconds[-1] > seconds[0]
    # The heads alone take 4.1 MB, and the process without them many times that.
    assert 4.1 < growth.points[-1].memory_mb < 80


@pytest.mark.parametrize(("inputs", "work"), [(0, 100), (60, 100)])
def test_memory_is_that_of_inputs_and_work(inputs, work):
    _, memory_mb = measure_size(stage_of(inputs, work), SIZE, repeats=1, bare_mb=resident_mb())
    assert memory_mb == pytest.approx(inputs + work, abs=15)


@pytest.mark.parametrize(("long", "n_timed", "n_done"), [(10.0, 3, 4), (0.005, 1, 1)])
def test_a_first_run_that_takes_long_counts_as_the_only_one(long, n_timed, n_done, monkeypatch):
    monkeypatch.setattr(measuring, "LONG", long)
    done = []
    seconds, _ = measure_size(stage_of(done=done), SIZE, repeats=3, bare_mb=0.0)
    assert min(seconds) >= 0.01
    assert (len(seconds), done) == (n_timed, [SIZE] * n_done)
