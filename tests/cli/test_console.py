import re
import sys
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from ucls.cli.console import TerminalReporter, console_reporter, print_table
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


def drawn(description: str, total: int, *, width: int) -> list[str]:
    """The lines that a bar draws from its beginning to its end, as a terminal shows them."""
    reporter = TerminalReporter()
    file = StringIO()
    reporter.console = Console(force_terminal=True, width=width, file=file)
    with reporter.track(description, total, "images") as advance:
        advance(total // 3)
        advance(0, epoch=123, loss=-1.23456)
        advance(total // 3)
        reporter.console.print("a line between")  # draws the bar anew
        advance(total - 2 * (total // 3))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    return [line for line in re.split(r"[\r\n]+", text) if "━" in line]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("total", [7, 256_234_000, 10**15])
@pytest.mark.parametrize(
    "description", ["train", "ensemble: NMI of heads", "verify [/x]" + 60 * "-", 40 * "画"]
)
def test_a_bar_stays_on_one_line(description: str, total: int, width: int) -> None:
    lines = drawn(description, total, width=width)
    assert max(map(cell_len, lines)) <= width
    assert all(line.startswith(description[:4]) for line in lines)


def test_what_is_needed_least_is_left_out_first() -> None:
    def shown(width: int) -> list[bool]:
        line = drawn("train", 256_234_000, width=width)[-1]
        return [text in line for text in ("/256234000", ":", "loss -1.235", "images/s")]

    assert shown(200) == [True, True, True, True]
    assert shown(80) == [True, True, True, False]
    assert shown(60) == [True, True, False, False]
    assert shown(32) == [True, False, False, False]


@pytest.mark.parametrize(
    ("width", "headings", "name"),
    [
        (40, ["name", "large", "small"], "twelve-words"),
        (27, ["name", "large", "small"], "twelve-w"),  # folded as far as it may be
        (26, ["name", "large"], "twelve-words"),
        (17, ["name"], "twelve-words"),
        (5, ["name"], "twelv"),
    ],
)
def test_a_table_leaves_out_what_has_no_room(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    headings: list[str],
    name: str,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    monkeypatch.setenv("COLUMNS", str(width))
    rows = [{"name": "twelve-words", "large": "[b]1,234", "small": "5 kB"}]
    print_table(rows, [("small",), ("large",)], numbers=["large"], narrowest=8)
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    heads, _, first, *_ = out.splitlines()
    assert max(map(len, out.splitlines())) <= width
    assert [part.strip() for part in heads.split("┃")] == headings
    assert first.split("│")[0].strip() == name
    assert ("[b]1,234" in first, "5 kB" in first) == ("large" in headings, "small" in headings)
