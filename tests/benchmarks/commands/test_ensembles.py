from pathlib import Path

from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.ensembles import EnsemblesRecord
from benchmarks.records import read_record


def test_it_has_a_line_per_method_and_the_same_in_json(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    size = ["--n", "400", "--clusters", "5", "--heads", "6", "--mode", "hard"]
    options = ["--methods", "vote,mcla", "--json", str(path)]
    done = CliRunner().invoke(app, ["ensembles", *size, *options])
    assert done.exit_code == 0, done.output
    assert "N=400 C=5 H=6 hard, seed 0" in done.stdout
    assert "ACC of single heads: mean 0." in done.stdout
    record = read_record(path, EnsemblesRecord)
    assert list(record.methods) == ["mcla", "vote"]
    assert (record.settings["n_images"], record.settings["mode"]) == (400, "hard")
    for name, figures in record.methods.items():
        line = next(line for line in done.stdout.splitlines() if line.startswith(name))
        assert f"{figures['acc']:.4f}" in line.split()
