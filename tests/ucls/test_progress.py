import pytest

from ucls.progress import SILENT, Reporter, ignore_progress


def test_the_silent_reporter_takes_all_calls_and_shows_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter: Reporter = SILENT
    reporter.say("hello")
    with reporter.track("train", 10, "images", done=3) as advance:
        advance()
        advance(4, loss=0.5)
        assert advance is ignore_progress
    assert capsys.readouterr() == ("", "")


def test_tracking_lets_errors_through() -> None:
    with pytest.raises(KeyError), SILENT.track("train", 1, "images"):
        raise KeyError
