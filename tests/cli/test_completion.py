"""Completion in the shell, which typer makes."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import UCLS


def ucls(*arguments: str, **variables: str) -> str:
    """What the command prints, with some variables of the environment set."""
    return subprocess.run(
        [UCLS, *arguments], env={**os.environ, **variables},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "start"),
    [
        ("bash", "_ucls_completion()"),
        pytest.param("zsh", "#compdef ucls", marks=pytest.mark.slow),
        pytest.param("fish", "complete --command ucls", marks=pytest.mark.slow),
    ],
)
def test_each_shell_has_its_script(shell: str, start: str) -> None:
    assert ucls(_UCLS_COMPLETE=f"source_{shell}").lstrip().startswith(start)


def test_commands_and_options_are_completed() -> None:
    def completed(words: str, place: int) -> list[str]:
        variables = {"COMP_WORDS": words, "COMP_CWORD": str(place)}
        return ucls(_UCLS_COMPLETE="complete_bash", **variables).split()

    assert completed("ucls sugg", 1) == ["suggest-k"]
    assert "--backbone" in completed("ucls run --b", 2)


def test_it_is_installed_for_the_shell_that_asks(tmp_path: Path) -> None:
    subprocess.run(
        ["bash", "-c", f"'{UCLS}' --install-completion; true"],
        env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, check=True,
    )  # fmt: skip
    script = tmp_path / ".bash_completions" / "ucls.sh"
    assert str(script) in (tmp_path / ".bashrc").read_text()
    assert "complete -o default" in script.read_text()
