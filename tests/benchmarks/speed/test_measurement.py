import time

import pytest

from benchmarks.speed.measurement import Measurement, against_each, time_in_turns


def test_a_ratio_is_the_median_over_turns_with_its_quartiles():
    measurement = Measurement("work", "bare", [2.0, 3.0, 8.0], [1.0, 2.0, 2.0])
    assert measurement.ratios == [2.0, 1.5, 4.0]
    assert measurement.ratio == 2.0
    assert measurement.spread == (1.75, 3.0)


def test_works_take_turns_after_the_warm_up():
    done = []
    works = {name: lambda name=name: done.append(name) for name in "ab"}
    seconds = time_in_turns(works, repeats=2, warm_up=1)
    assert done == ["a", "b"] * 3
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}


def test_against_each_gives_a_measurement_for_each_reference():
    references = {"long": lambda: time.sleep(0.02), "short": lambda: time.sleep(0.001)}
    long, short = against_each("nap", lambda: time.sleep(0.005), references, repeats=2)
    assert (long.name, long.against) == ("nap", "long")
    assert (short.name, short.against) == ("nap", "short")
    assert long.seconds == short.seconds
    assert long.ratio < 1.0 < short.ratio


@pytest.mark.parametrize("repeats", [1, 4])
def test_every_turn_is_kept(repeats):
    (measurement,) = against_each("a", lambda: None, {"b": lambda: None}, repeats=repeats)
    assert len(measurement.seconds) == len(measurement.reference_seconds) == repeats
