from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.ensembles import (
    HEADINGS,
    EnsemblesRecord,
    Heads,
    choose_methods,
    ensembles_table,
    measure_methods,
)
from benchmarks.records import read_record
from ucls.ensemble.methods import METHODS
from ucls.errors import UsageError

SMALL = Heads(400, 5, 6, "independent", 0)


@pytest.mark.slow
def test_every_method_has_figures_of_a_process_of_its_own() -> None:
    heads = SMALL._replace(n_images=300, n_clusters=401)
    _, failed = measure_methods(heads, {"mcla": True}, repeats=1, told=lambda line: None)
    assert "between 2 and the number of images" in failed["mcla"]["left_out"]
    lines: list[str] = []
    methods = {"vote": True, "nmf": False}
    single, found = measure_methods(SMALL, methods, repeats=1, told=lines.append)
    assert 0.8 < single["min"] <= single["mean"] <= single["max"] < 0.92
    assert lines == ["vote: done", "nmf: would take very long: run it with --methods nmf"]
    vote = found["vote"]
    assert 0.95 < vote["acc"] <= 1
    assert 0.5 < vote["anmi"] < vote["nmi"] <= 1
    assert vote["occupied_clusters"] == 5
    # The method's own: torch or scikit-learn would take more.
    assert 0.02 < vote["gigabytes"] < 0.13
    table = ensembles_table(found)
    assert table.rows[0][0] == "vote"
    assert table.rows[0][3:7:3] == [f"{vote['acc']:.4f}", "5"]
    assert (table.rows[1][0], table.rows[1][-1]) == ("nmf", lines[1].removeprefix("nmf: "))
    assert {len(row) for row in table.rows} == {len(HEADINGS)}


def test_all_leaves_out_what_takes_very_long() -> None:
    assert all(choose_methods("all", SMALL).values())
    large = Heads(1_281_167, 1000, 50, "hard", 0)
    assert {name for name, runs in choose_methods("all", large).items() if not runs} >= {"nmf"}
    assert choose_methods("nmf", large) == {"nmf": True}
    assert set(choose_methods("all", large)) == set(METHODS)
    with pytest.raises(UsageError, match=r"--methods to be 'all' or some of mcla, .*got kmeans"):
        choose_methods("mcla,kmeans", SMALL)


@pytest.mark.slow
def test_the_command_has_a_line_per_method_and_the_same_in_json(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    size = ["--n", "400", "--clusters", "5", "--heads", "6", "--mode", "hard"]
    options = ["--methods", "vote,mcla", "--json", str(path)]
    done = CliRunner().invoke(app, ["ensembles", *size, *options])
    assert done.exit_code == 0, done.output
    assert "N=400 C=5 H=6 hard, seed 0" in done.stdout
    assert "ACC of single heads: mean 0." in done.stdout
    record = read_record(path, EnsemblesRecord)
    assert (record.settings["n_images"], record.settings["mode"]) == (400, "hard")
    assert list(record.methods) == ["mcla", "vote"]
    for name, figures in record.methods.items():
        line = next(line for line in done.stdout.splitlines() if line.startswith(name))
        assert f"{figures['acc']:.4f}" in line.split()
