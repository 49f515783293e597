import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.records import read_record
from benchmarks.speed.soak.record import SoakRecord
from ucls.runs.catalog import stage_names


@pytest.mark.slow
def test_it_leaves_a_record_and_a_page_and_no_run(tmp_path):
    small = ["--images", "3000", "--features", "16", "--clusters", "4", "--runs", "2"]
    where = ["--folder", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["soak", *small, *where])
    assert done.exit_code == 0, done.output
    record = read_record(tmp_path / "out" / "soak.json", SoakRecord)
    assert [[step.name for step in run] for run in record.runs] == [list(stage_names())] * 2
    assert all(step.peak_mb > 100 for run in record.runs for step in run)
    assert (tmp_path / "out" / "soak.md").read_text() in done.output
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["features.h5"]
