from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.records import made_here, write_record
from benchmarks.speed.measurement import Measurement, SpeedRecord


def test_both_records_are_put_beside_each_other(tmp_path):
    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    for path, seconds in zip(paths, (2.0, 1.0), strict=True):
        step = Measurement("step", "bare", [seconds], [1.0])
        write_record(path, SpeedRecord(**made_here(), measurements=[step]))
    done = CliRunner().invoke(app, ["compare", *map(str, paths)])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].split() == ["step", "bare", "2", "1", "-50%", "faster"]
    missing = CliRunner().invoke(app, ["compare", str(paths[0]), str(tmp_path / "none.json")])
    assert "python -m benchmarks speed" in str(missing.exception)
    assert "none.json" in str(missing.exception)
