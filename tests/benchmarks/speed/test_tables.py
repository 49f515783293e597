import pytest

from benchmarks.speed.compare import Change
from benchmarks.speed.measurement import Measurement
from benchmarks.speed.tables import seconds_text, show_changes, show_measurements


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ([2.0, 4.0, 3.0], "3.00 s"),
        ([0.25], "250.0 ms"),
        ([2e-3, 4e-3], "3.0 ms"),
        ([5e-5], "50 us"),
    ],
)
def test_seconds_have_the_unit_that_suits_them(seconds, text):
    assert seconds_text(seconds) == text


def test_a_line_for_each_ratio(capsys):
    twice = Measurement("step of a long name", "bare", [2.0, 2.0], [1.0, 0.5], {"peak_mb": 1234.5})
    once = Measurement("epoch", "peer", [1.0], [4.0])
    show_measurements([twice, once])
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == [
        "step", "of", "a", "long", "name", "bare", "2.00", "s", "750.0", "ms", "3", "2.5-3.5",
        "peak_mb", "1234",
    ]  # fmt: skip
    assert second.split() == ["epoch", "peer", "1.00", "s", "4.00", "s", "0.25", "once"]


def test_a_line_for_each_change(capsys):
    before, after = (Measurement("step", "bare", [s], [1.0]) for s in (1.0, 1.5))
    show_changes([Change("step", "bare", before, after), Change("epoch", "peer", None, after)])
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["step", "bare", "1", "1.5", "+50%", "slower"]
    assert second.split() == ["epoch", "peer", "-", "1.5", "-", "new"]
