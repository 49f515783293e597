import pytest

from ucls.planning import measured
from ucls.planning.measured import Line, line_of


def line(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, list[float]]) -> Line:
    """The line through made-up times of each size."""
    asked: list[int] = []
    left = {n: list(times) for n, times in seconds.items()}

    def clocked(work) -> float:
        work()
        return left[asked[-1]].pop(0)

    monkeypatch.setattr(measured, "seconds_of", clocked)
    found = line_of(asked.append, min(seconds))
    assert asked == [100, 100, 100, 200, 200]
    return found


def test_a_line_goes_through_the_quicker_times(monkeypatch: pytest.MonkeyPatch) -> None:
    found = line(monkeypatch, {100: [9.0, 3.0], 200: [4.0, 5.0]})
    assert found == pytest.approx((2.0, 0.01))
    assert found.at(1000) == pytest.approx(12.0)


@pytest.mark.parametrize("few", [5.0, 1.0])
def test_noise_makes_no_line_that_falls_or_begins_below_zero(
    few: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert line(monkeypatch, {100: [few, few], 200: [4.0, 4.0]}) == (0.0, 0.02)
