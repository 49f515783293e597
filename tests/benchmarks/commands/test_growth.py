import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.commands.growth import command, parse_stages
from benchmarks.speed.growth.records import read_growth
from benchmarks.speed.growth.sizes import QUICK
from benchmarks.speed.growth.works import WORKS
from tests.benchmarks.speed.growth.samples import stage_growth
from ucls.errors import UsageError

REPOSITORY = Path(__file__).parents[3]

app = typer.Typer()
app.command()(command)


@pytest.fixture
def asked(monkeypatch):
    """What the command asks to be measured, which is made up."""
    calls = []

    def measure(stage, grid, *, repeats, advance):
        calls.append((stage, grid, repeats))
        return stage_growth(stage, repeats=repeats)

    monkeypatch.setattr("benchmarks.speed.growth.measuring.measure_growth", measure)
    return calls


def test_it_leaves_a_record_a_table_and_plots(asked, tmp_path):
    out = tmp_path / "growth"
    done = CliRunner().invoke(app, ["--quick", "--stages", "train,neighbors", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert asked == [("neighbors", QUICK["neighbors"], 1), ("train", QUICK["train"], 1)]
    written = {path.name for path in out.iterdir()}
    assert written == {
        "growth.json", "growth.md", "neighbors.svg", "neighbors.png", "train.svg", "train.png",
    }  # fmt: skip
    assert [growth.stage for growth in read_growth(out / "growth.json").stages] == [
        "neighbors", "train",
    ]  # fmt: skip
    assert (out / "growth.md").read_text() in done.output
    assert all(name in done.output for name in written)


def test_sizes_and_repeats_are_the_full_ones_unless_told(asked, tmp_path):
    CliRunner().invoke(app, ["--stages", "merge", "--out", str(tmp_path)])
    ((_, grid, repeats),) = asked
    assert grid.base.n_images > QUICK["merge"].base.n_images
    assert repeats == 3
    CliRunner().invoke(app, ["--stages", "merge", "--repeats", "5", "--out", str(tmp_path)])
    assert asked[1][2] == 5


def test_stages_are_in_the_order_of_a_run():
    assert parse_stages("all") == list(WORKS)
    assert parse_stages("ensemble, train") == ["train", "ensemble"]
    with pytest.raises(UsageError, match=r"expected stages of neighbors, .*, got merging, tram"):
        parse_stages("tram,merging,train")


@pytest.mark.slow
def test_the_real_command_measures_and_draws(tmp_path):
    options = ["--quick", "--stages", "ensemble,merge", "--out", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "benchmarks", "growth", *options], check=True, cwd=REPOSITORY
    )
    record = json.loads((tmp_path / "growth.json").read_text())
    assert record["command"].startswith("python -m benchmarks growth --quick")
    assert [stage["stage"] for stage in record["stages"]] == ["merge", "ensemble"]
    assert (tmp_path / "merge.svg").is_file()
