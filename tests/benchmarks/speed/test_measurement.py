import time
from pathlib import Path

import pytest

from benchmarks.records import read_record
from benchmarks.speed.measurement import (
    Measurement,
    Size,
    SpeedRecord,
    against_each,
    seconds_text,
    show_measurements,
)

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"
TWICE = Measurement("step of a long name", "bare", [2.0, 2.0], [1.0, 0.5], {"peak_mb": 1234.5})
ONCE = Measurement("epoch", "peer", [1.0], [4.0], {"bottleneck": "decode"})


def test_a_ratio_is_the_median_over_turns_with_its_quartiles():
    measurement = Measurement("work", "bare", [2.0, 3.0, 8.0], [1.0, 2.0, 2.0])
    assert measurement.ratios == [2.0, 1.5, 4.0]
    assert measurement.ratio == 2.0
    assert measurement.spread == (1.75, 3.0)


def test_works_take_turns_with_each_reference_after_the_warm_up():
    done = []

    def nap(seconds):
        return lambda: (done.append(seconds), time.sleep(seconds))

    references = {"long": nap(0.02), "short": nap(0.001)}
    long, short = against_each("nap", nap(0.005), references, repeats=2, warm_up=1)
    assert done == [0.005, 0.02, 0.001] * 3
    assert (long.name, long.against, short.against) == ("nap", "long", "short")
    assert len(long.seconds) == len(long.reference_seconds) == 2
    assert long.ratio < 1.0 < short.ratio


@pytest.mark.parametrize(
    ("seconds", "text"), [([2.0, 4.0, 3.0], "3.00 s"), ([2e-3, 4e-3], "3.0 ms"), ([5e-5], "50 us")]
)
def test_seconds_have_the_unit_that_suits_them(seconds, text):
    assert seconds_text(seconds) == text


def test_a_line_for_each_ratio(capsys):
    show_measurements([TWICE, ONCE])
    *_, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == [
        "step", "of", "a", "long", "name", "bare", "2.00", "s", "750.0", "ms", "3", "2.5-3.5",
        "peak_mb", "1234",
    ]  # fmt: skip
    assert second.split() == [
        "epoch", "peer", "1.00", "s", "4.00", "s", "0.25", "once", "bottleneck", "decode",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "n_measurements"),
    [("speed-quick.json", 22), ("speed/accuracy.json", 2), ("speed/imagenet100-reach.json", 2)],
)
def test_records_that_are_kept_are_read(name, n_measurements):
    record = read_record(RESULTS / name, SpeedRecord)
    assert len(record.measurements) == n_measurements
    assert record.machine["cores"] == 2


def test_a_size_is_varied_and_named_by_letters():
    assert Size(1000, 20, 3, 4).with_axis("H", 9) == Size(1000, 20, 9, 4)
    assert Size(1000, 20, 3, 4).text("NC") == "N=1,000, C=20"
    assert Size(1000, 30).cap == 33
