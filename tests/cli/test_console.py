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
