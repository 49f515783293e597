import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.records import read_record
from benchmarks.speed.out_of_core.record import OutOfCoreRecord

STEPS = ["simulate", "extract", "fit the preparation", "train", "of it, the epoch"]


@pytest.mark.slow
def test_it_leaves_a_record_and_a_page(tmp_path):
    small = ["--images", "500", "--features", "16", "--clusters", "4"]
    where = ["--folder", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["out-of-core", *small, *where])
    assert done.exit_code == 0, done.output
    record = read_record(tmp_path / "out" / "out-of-core.json", OutOfCoreRecord)
    assert [step.name for step in record.steps] == [*STEPS, "read the cache once"]
    assert (tmp_path / "out" / "out-of-core.md").read_text() in done.output
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["features.h5"]
