import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.records import read_record
from benchmarks.speed import suite
from benchmarks.speed.measurement import Measurement, SpeedRecord
from ucls.errors import UsageError


def made_up(ratio):
    return lambda repeats: [Measurement("step", "bare", [ratio] * repeats, [1.0] * repeats)]


@pytest.fixture
def small_suite(monkeypatch):
    monkeypatch.setattr(suite, "QUICK", {"first": made_up(2.0), "second": made_up(3.0)})


def run(*options):
    return CliRunner().invoke(app, ["speed", "--quick", *map(str, options)])


def test_all_areas_are_shown_and_written(small_suite, tmp_path):
    out = tmp_path / "speed.json"
    done = run("--repeats", 2, "--out", out)
    assert done.exit_code == 0, done.output
    assert [line for line in ("first", "second") if f"\n{line}\n" in done.output]
    record = read_record(out, SpeedRecord)
    assert [entry.seconds for entry in record.measurements] == [[2.0, 2.0], [3.0, 3.0]]
    assert "first" not in run("--areas", "second").output


def test_what_is_done_is_kept_when_a_later_area_fails(monkeypatch, tmp_path):
    def fail(repeats):
        raise RuntimeError("broken")

    monkeypatch.setattr(suite, "QUICK", {"first": made_up(2.0), "second": fail})
    done = run("--out", tmp_path / "speed.json")
    assert isinstance(done.exception, RuntimeError)
    assert len(read_record(tmp_path / "speed.json", SpeedRecord).measurements) == 1


def test_an_unknown_area_is_named_with_the_choices():
    assert isinstance(error := run("--areas", "neighbours").exception, UsageError)
    assert str(error).startswith("expected --areas to be 'all' or some of extraction, ")
    assert str(error).endswith("got neighbours: leave it out")
