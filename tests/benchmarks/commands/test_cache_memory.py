import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.speed import cache_memory
from ucls.errors import UsageError


@pytest.mark.slow
def test_each_number_of_rows_has_its_lines(tmp_path):
    done = CliRunner().invoke(app, ["cache-memory", "--rows", "1000", "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    write, read = (line.split() for line in done.output.splitlines()[-2:])
    for line, action in ((write, "write"), (read, "read")):
        assert line[:3] == [action, "1,000", "4"]
        cache, bare, ratio = (float(cell.replace(",", "")) for cell in line[3:6])
        assert ratio == pytest.approx(cache / bare, abs=0.1)
        assert all(10 < float(cell) < 300 for cell in line[6:])
    assert list(tmp_path.iterdir()) == []


def test_the_batches_must_come_out_even():
    done = CliRunner().invoke(app, ["cache-memory", "--rows", "1500"])
    assert isinstance(done.exception, UsageError)
    assert str(cache_memory.BATCH // 1000) in str(done.exception)
    assert "got 1500" in str(done.exception)
