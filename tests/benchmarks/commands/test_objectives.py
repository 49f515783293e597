from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.objectives import ObjectivesRecord
from benchmarks.records import read_record


@pytest.mark.slow
def test_it_shows_a_row_and_leaves_a_record(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    options = ["--seeds", "1", "--row", "uic", "--json", str(path)]
    done = CliRunner().invoke(app, ["objectives", *options])
    assert done.exit_code == 0, done.output
    assert "digits, classes 1:1, neighbours from the features" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("uic")
    assert read_record(path, ObjectivesRecord).results["uic"][0]["ACC"] > 0.7
