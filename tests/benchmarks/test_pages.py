from pathlib import Path

import jinja2
import pytest

from benchmarks.pages import render_page


def test_statements_leave_no_lines_and_every_value_is_needed(tmp_path: Path) -> None:
    template = tmp_path / "page.md.jinja"
    template.write_text("# {{ title }}\n{% for name in names %}\n- {{ name }}\n{% endfor %}\n")
    assert render_page(template, title="Heads", names=["a", "b"]) == "# Heads\n- a\n- b\n"
    with pytest.raises(jinja2.UndefinedError, match="title"):
        render_page(template, names=[])
