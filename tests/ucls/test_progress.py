import pytest

from ucls import progress
from ucls.progress import (
    SILENT,
    PlainReporter,
    Reporter,
    format_figures,
    format_rate,
    ignore_progress,
)


def test_the_silent_reporter_takes_all_calls_and_shows_warnings_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter: Reporter = SILENT
    reporter.say("hello")
    with reporter.track("train", 10, "images", done=3) as advance:
        advance()
        advance(4, loss=0.5)
        assert advance is ignore_progress
    assert capsys.readouterr() == ("", "")
    reporter.warn("look")
    assert capsys.readouterr() == ("", "WARNING: look\n")


def test_tracking_lets_errors_through() -> None:
    with pytest.raises(KeyError), SILENT.track("train", 1, "images"):
        raise KeyError


class Clock:
    """Stands in for the time module; each look moves it on by ``step`` seconds."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def perf_counter(self) -> float:
        self.now += self.step
        return self.now


def run_bar(reporter: PlainReporter, steps: int) -> None:
    with reporter.track("train", 1000, "images", done=100) as advance:
        for i in range(steps):
            advance(10)
            advance(0, epoch=i, loss=-1.5)


def test_plain_lines_come_after_two_seconds_and_then_every_ten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "time", Clock(step=0.5))
    run_bar(PlainReporter(), 20)
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first == "train: 130 of 1,000 images, 12 images/s, 72 s left, epoch 1, loss -1.500"
    assert second.startswith("train: 230 of 1,000 images, ")


def test_short_work_has_no_plain_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "time", Clock(step=0.01))
    run_bar(PlainReporter(), 20)
    assert capsys.readouterr() == ("", "")


def test_the_rate_leaves_out_what_was_done_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "time", Clock(step=1.0))
    with PlainReporter().track("extract", 1000, "images", done=900) as advance:
        advance(20)  # after 1 s: too early
        advance(20)  # after 2 s
    assert capsys.readouterr().err == "extract: 940 of 1,000 images, 20 images/s, 3 s left\n"


def test_rates() -> None:
    assert [format_rate(rate) for rate in (0.123, 9.5, 10.4, 12345.6)] == [
        "0.12", "9.5", "10", "12,346",
    ]  # fmt: skip


def test_figures() -> None:
    assert format_figures({"epoch": 5, "loss": -1.23456}) == ", epoch 5, loss -1.235"
    assert format_figures({}) == ""
