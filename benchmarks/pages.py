"""Pages of Markdown, from templates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def is_page(template: Path) -> Callable[[Path], bool]:
    """Returns a test of whether a file has the title of a template, and so was made of it."""

    def title(path: Path) -> str:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in lines if line.startswith("# ")), "")

    return lambda path: title(path) == title(template)


def render_page(template: Path, **values: Any) -> str:
    """Fills in a template of Jinja; lines that hold nothing but a statement leave none."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    engine = Environment(
        loader=FileSystemLoader(template.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return engine.get_template(template.name).render(values)
