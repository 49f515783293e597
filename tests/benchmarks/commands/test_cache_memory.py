from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.speed import cache_memory
from ucls.errors import UsageError


def test_each_number_of_rows_has_its_lines(tmp_path):
    done = CliRunner().invoke(app, ["cache-memory", "--rows", "1000", "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    write, read = (line.split() for line in done.output.splitlines()[-2:])
    assert (write[:2], read[:2]) == (["write", "1,000"], ["read", "1,000"])


def test_the_batches_must_come_out_even():
    done = CliRunner().invoke(app, ["cache-memory", "--rows", "1500"])
    assert isinstance(done.exception, UsageError)
    assert str(cache_memory.BATCH // 1000) in str(done.exception)
    assert "got 1500" in str(done.exception)
