import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from benchmarks.__main__ import app as benchmarks_app
from ucls.cli.main import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OF_BENCHMARKS = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")


def shown_commands(text: str, start: str) -> list[str]:
    """The lines in blocks of code that start with a command."""
    blocks = re.findall(r"^```\w*\n(.*?)^```\n", text, flags=re.DOTALL | re.MULTILINE)
    lines = (line.partition("#")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if re.match(start, line)]


COMMANDS = shown_commands(README, r"(\.venv/bin/)?ucls ")
BENCHMARKS = shown_commands(OF_BENCHMARKS, r"\.venv/bin/python -m benchmarks [a-z]")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command: str) -> None:
    group, (name, *arguments) = typer.main.get_command(app), shlex.split(command)[1:]
    while hasattr(group.commands[name], "commands"):
        group, (name, *arguments) = group.commands[name], arguments
    parsed = group.commands[name].make_context(name, arguments)
    assert parsed.params


@pytest.mark.parametrize("command", BENCHMARKS)
def test_benchmarks_parse(command: str) -> None:
    name, *arguments = shlex.split(command)[3:]
    assert typer.main.get_command(benchmarks_app).commands[name].make_context(name, arguments)


def test_all_benchmarks_are_shown() -> None:
    shown = {shlex.split(command)[3] for command in BENCHMARKS}
    assert shown == set(typer.main.get_command(benchmarks_app).commands)


def test_all_ways_in_are_shown() -> None:
    assert len(COMMANDS) >= 10
    for target in ("demo", "test", "lint"):
        assert f"make {target}" in README
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_files_that_a_page_links_to_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https://)([^)]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_it_stays_short() -> None:
    assert len(README.splitlines()) <= 200


def test_python_version_agrees() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or later" in README
