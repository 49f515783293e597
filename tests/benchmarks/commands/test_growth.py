import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.records import read_record
from benchmarks.speed.growth import works
from benchmarks.speed.growth.record import GrowthRecord
from benchmarks.speed.growth.works import read_grids
from tests.benchmarks.speed.growth.samples import stage_growth


@pytest.fixture
def asked(monkeypatch):
    """What the command asks to be measured, which is made up."""
    calls = []

    def measure(stage, grid, *, repeats):
        calls.append((stage, grid, repeats))
        return stage_growth(stage, repeats=repeats)

    monkeypatch.setattr(works, "measure_growth", measure)
    return calls


def run(*options):
    return CliRunner().invoke(app, ["growth", *map(str, options)])


@pytest.mark.slow
def test_it_leaves_a_record_a_table_and_plots(asked, tmp_path):
    out = tmp_path / "growth"
    done = run("--quick", "--stages", "train,neighbors", "--out", out)
    assert done.exit_code == 0, done.output
    quick = read_grids("quick")
    assert asked == [("neighbors", quick["neighbors"], 1), ("train", quick["train"], 1)]
    written = {path.name for path in out.iterdir()}
    assert written == {
        "growth.json", "growth.md", "neighbors.svg", "neighbors.png", "train.svg", "train.png",
    }  # fmt: skip
    record = read_record(out / "growth.json", GrowthRecord)
    assert [growth.stage for growth in record.stages] == ["neighbors", "train"]
    assert (out / "growth.md").read_text() in done.output


@pytest.mark.slow
def test_sizes_and_repeats_are_the_full_ones_unless_told(asked, tmp_path):
    run("--stages", "merge", "--out", tmp_path)
    run("--stages", "merge", "--repeats", 5, "--out", tmp_path)
    full = read_grids("full")["merge"]
    assert asked == [("merge", full, 3), ("merge", full, 5)]


@pytest.mark.slow
def test_the_real_command_measures_and_draws(tmp_path):
    done = run("--quick", "--stages", "ensemble,merge", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert len(read_record(tmp_path / "growth.json", GrowthRecord).stages) == 2
    assert (tmp_path / "merge.svg").is_file()
