from benchmarks.accuracy.describe import (
    describe_departures,
    describe_runs,
    describe_seeds,
    describe_time,
)
from tests.benchmarks.accuracy.samples import make_trial


def test_seeds_in_a_row_are_a_range() -> None:
    def of(*seeds: int) -> str:
        return describe_seeds([make_trial(seed=seed) for seed in seeds])

    assert of(0, 1, 2, 3) == "seeds 0-3"
    assert of(0, 2, 3) == "seeds 0, 2, 3"
    assert of(4) == "seed 4"


def test_runs_are_counted() -> None:
    runs = [make_trial(seed=0), make_trial(seed=1)]
    assert describe_runs(runs) == "2 runs (seeds 0, 1) on pixels cls, 1:01 each"
    assert describe_runs(runs[:1]).startswith("1 run (seed 0)")


def test_runs_with_the_same_departures_are_told_together() -> None:
    changed = [make_trial(seed=seed, overrides={"train.epochs": 1}) for seed in (0, 1)]
    other = make_trial(seed=2, overrides={"train.epochs": 2})
    assert describe_departures([*changed, make_trial(seed=3), other]) == [
        "ucls, seeds 0, 1: train.epochs = 1",
        "ucls, seed 2: train.epochs = 2",
    ]


def test_times() -> None:
    assert [describe_time(seconds) for seconds in (3.6, 61, 3725)] == ["0:04", "1:01", "1:02:05"]
