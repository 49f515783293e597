import time

import numpy as np
import pytest

from benchmarks.speed.growth import process
from benchmarks.speed.growth.process import measure_size, resident_mb
from benchmarks.speed.growth.sizes import Size
from benchmarks.speed.growth.works import StageWork

SIZE = Size(10, 2, 1, 2)


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


@pytest.mark.parametrize(("inputs", "work"), [(0, 100), (60, 0), (60, 100)])
def test_memory_is_that_of_inputs_and_work(inputs, work):
    stage = make_stage(inputs, work)
    figures = measure_size(stage, SIZE, repeats=1, bare_mb=resident_mb())
    assert figures["memory_mb"] == pytest.approx(inputs + work, abs=15)


def test_each_repeat_is_timed_after_a_first_run():
    done = []
    stage = make_stage(seconds=0.01, done=done)
    figures = measure_size(stage, SIZE, repeats=3, bare_mb=0.0)
    assert len(figures["seconds"]) == 3
    assert min(figures["seconds"]) >= 0.01
    assert done == [SIZE] * 4


def test_a_first_run_that_takes_long_counts_as_the_only_one(monkeypatch):
    monkeypatch.setattr(process, "LONG", 0.005)
    done = []
    stage = make_stage(seconds=0.01, done=done)
    (seconds,) = measure_size(stage, SIZE, repeats=3, bare_mb=0.0)["seconds"]
    assert seconds >= 0.01
    assert done == [SIZE]
