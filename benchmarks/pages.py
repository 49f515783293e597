"""Pages of Markdown, from templates."""

from pathlib import Path
from typing import Any


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
