"""The site: what it shows runs, and nothing is missing from it."""

import doctest
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from tests.test_readme import shown_commands
from ucls.cli.main import app

if TYPE_CHECKING:
    from ucls.settings.config import Config

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {str(path.relative_to(DOCS)): path.read_text("utf-8") for path in DOCS.rglob("*.md")}


def code(fence: str) -> dict[str, list[str]]:
    """The blocks of code that open with some lines, by page."""
    pattern = re.compile(fence + r"\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
    return {page: blocks for page, text in PAGES.items() if (blocks := pattern.findall(text))}


PYTHON = code("```python")
SHELL = code("<!-- run -->\n```sh")
COMMANDS = {
    (page, command) for page, text in PAGES.items() for command in shown_commands(text, "ucls ")
}
FUNCTIONS = re.findall(r"^\.\. autofunction:: (\S+\w)$", PAGES["python.md"], flags=re.MULTILINE)
CLUSTERERS = re.findall(r"^\.\. autoclass:: (\S+\w)$", PAGES["python.md"], flags=re.MULTILINE)
MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def finished(
    sources: Path, tiny_config: "Config", tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with features of four kinds, their cache, and a finished run of them."""
    from ucls import pipeline

    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(sources / "blobs.npz", folder / "features.npz")
    pipeline.run(
        str(folder / "features.npz"),
        out=folder / "runs" / "features",
        cache_dir=folder / "cache",
        config=tiny_config,
    )
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples are run, to change."""
    monkeypatch.chdir(shutil.copytree(finished, tmp_path / "folder"))
    monkeypatch.setenv("UCLS_CACHE", "cache")
    return tmp_path / "folder"


def run_examples(text: str, name: str) -> int:
    """How many examples there are in a text; fails if one shows something else."""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    told: list[str] = []
    failed, tried = doctest.DocTestRunner().run(test, out=told.append)
    assert not failed, "".join(told)
    return tried


def lookup(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


@pytest.mark.slow
@pytest.mark.parametrize("page", PYTHON)
@pytest.mark.usefixtures("folder")
def test_python_on_a_page_shows_what_it_gives(page: str) -> None:
    assert all(block.startswith(">>> ") for block in PYTHON[page])
    assert run_examples("\n".join(PYTHON[page]), page)


@pytest.mark.parametrize("name", FUNCTIONS + CLUSTERERS)
@pytest.mark.usefixtures("folder")
def test_what_is_on_the_python_page_has_an_example_that_runs(name: str) -> None:
    assert run_examples(inspect.getdoc(lookup(name)) or "", name) >= 2


@pytest.mark.slow  # some of half a minute
@pytest.mark.parametrize("page", SHELL)
def test_commands_that_are_marked_run(page: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in SHELL[page]:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("page", "command"), sorted(COMMANDS))
def test_commands_parse(page: str, command: str) -> None:
    name, *arguments = shlex.split(command)[1:]
    if name.startswith("-"):
        return
    assert typer.main.get_command(app).commands[name].make_context(name, arguments).params


def test_pages_show_enough_to_run() -> None:
    assert {"guides/features.md", "guides/research.md"} <= PYTHON.keys()
    assert {
        "quick-start.md",
        "guides/number-of-clusters.md",
        "guides/corrections.md",
    } <= SHELL.keys()
    assert len(FUNCTIONS) >= 15
    assert len(CLUSTERERS) == 3
    assert len(COMMANDS) >= 30


def test_every_section_of_the_settings_is_shown() -> None:
    from ucls.settings.config import Config
    from ucls.settings.sections import Section

    sections = [kind for _, kind in Config() if isinstance(kind, Section)]
    assert len(sections) >= 7
    for section in sections:
        assert (
            f".. autoclass:: ucls.settings.config.{type(section).__name__}()"
            in PAGES["settings.md"]
        )


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.svg")), ids=lambda path: path.name)
def test_pictures_stay_small(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES


def all_commands(group: Any, name: str = "ucls") -> list[str]:
    """The group and what is in it, as they are typed."""
    inner = getattr(group, "commands", {})
    return [name, *(n for key, one in inner.items() for n in all_commands(one, f"{name} {key}"))]


@pytest.mark.slow  # half a minute where the core is shared
def test_the_man_page_has_every_command(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "man", DOCS, tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    page = (tmp_path / "ucls.1").read_text("utf-8").replace(r"\-", "-")
    for name in all_commands(typer.main.get_command(app)):
        assert name in page
    if shutil.which("man"):
        shown = subprocess.run(
            ["man", "--warnings", "-l", tmp_path / "ucls.1"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert shown.stdout.count("Usage") >= 20
        assert not shown.stderr
