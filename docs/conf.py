"""How the site and the man page are made of these files, the docstrings and the commands."""

import re
import subprocess
import sys
from pathlib import Path
from pydoc import locate
from typing import Any

from pydantic_core import PydanticUndefined

from ucls import __version__

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))  # Sphinx reads this file alone
from licences import licence_table  # noqa: E402

said: dict[str, list[str]] = {}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")

project, author, version = "UCLS", "the authors of UCLS", __version__
project_copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
autodoc_typehints = "none"  # the docstrings tell types, and the signatures are long
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
smartquotes = False  # what is copied has to work
html_theme = "furo"
html_title = f"UCLS {version}"
html_show_sphinx = html_show_copyright = html_copy_source = False
man_pages = [("commands", "ucls", "cluster images without labels", "", 1)]


def command_reference() -> str:
    """Every command with its options, in Markdown, as typer tells it of the app itself."""
    command = [sys.executable, "-m", "typer", "ucls.cli.main", "utils", "docs", "--name", "ucls"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def without_dead_links(text: str, folder: Path) -> str:
    """Links of a file in ``folder``: to pages of the site they are kept, of others only the text.

    A file that is on the site and elsewhere, such as the README of the benchmarks, links to folders
    and records beside it, which are not.
    """

    def replaced(link: re.Match[str]) -> str:
        label, target, anchor = link.groups(default="")
        path = (folder / target).resolve()
        if path.is_relative_to(DOCS):
            return f"[{label}](/{path.relative_to(DOCS)}{anchor})"
        return label if path.exists() else link[0]

    return LINK.sub(replaced, text)


def on_source_read(_: Any, name: str, content: list[str]) -> None:
    """Writes commands and licences into their pages, and keeps to links that lead somewhere."""
    if name == "commands":
        content[0] += command_reference().partition("\n")[2]
    elif name == "packages":
        content[0] += licence_table()
    content[0] = without_dead_links(content[0], (DOCS / name).parent)


def on_include_read(_: Any, path: Path, __: str, content: list[str]) -> None:
    """The links of a file that is taken into a page."""
    content[0] = without_dead_links(content[0], (DOCS / path).parent)


def before_napoleon(_: Any, what: str, name: str, __: Any, ___: Any, lines: list[str]) -> None:
    """Keeps what is said of an attribute: napoleon takes all before a colon for its type."""
    if what == "attribute":
        said[name] = lines.copy()


def after_napoleon(_: Any, what: str, name: str, __: Any, ___: Any, lines: list[str]) -> None:
    """Puts it back, with the default of a setting, which pydantic hides from autodoc."""
    if what != "attribute":
        return
    lines[:] = said.pop(name)
    section, _, setting = name.rpartition(".")
    fields = getattr(locate(section), "model_fields", {})
    if setting in fields and fields[setting].default is not PydanticUndefined:
        lines[:] = [*filter(None, lines), f"Default: ``{fields[setting].default!r}``.", ""]


def setup(app: Any) -> None:
    """Connects the above with Sphinx."""
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
    app.connect("source-read", on_source_read)
    app.connect("include-read", on_include_read)
