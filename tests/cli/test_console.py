import sys

import pytest

from ucls.cli.console import TerminalReporter, console_reporter
from ucls.progress import SILENT, PlainReporter


def test_each_output_has_its_reporter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert console_reporter(quiet=True) is SILENT
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert isinstance(console_reporter(), PlainReporter)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(console_reporter(), TerminalReporter)


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_each_reporter_warns_on_stderr(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    quiet: bool,
    is_terminal: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    console_reporter(quiet=quiet).warn("look [here]")
    assert capsys.readouterr() == ("", "WARNING: look [here]\n")
