import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app


@pytest.mark.slow
def test_every_row_is_measured() -> None:
    outcome = CliRunner().invoke(app, ["report", "--photos", "100", "--rows", "5000"])
    assert outcome.exit_code == 0, outcome.output
    for name in ("photographs", "thumbnail served", "sort, link", "sort, copy", "page of rows"):
        assert name in outcome.output
