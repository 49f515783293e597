from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.simulated import check
from ucls import pipeline
from ucls.config import Config
from ucls.errors import UsageError

SMALL = ["simulate", "--n", "600", "--clusters", "6", "--features", "64"]


def simulate(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*SMALL, *options])
    return done.exit_code, done.output


@pytest.mark.slow
def test_ucls_runs_on_what_is_written(tmp_path: Path):
    path = tmp_path / "made.h5"
    code, output = simulate("--out", str(path), "--seed", "3", "--split", "val", "--difficulty")
    assert code == 0, output
    assert f"seed 3, val; the smallest D that holds the fit is 109\nwritten to {path}" in output
    assert "ACC on simulated features, linear probe: 9" in output
    quick = {"train.epochs": 10, "train.n_heads": 3, "self_train.iterations": 50}
    config, places = Config().with_values(quick), {"out": tmp_path / "run", "cache_dir": tmp_path}
    done = pipeline.run(str(path), config=config, **places)
    assert done.figures["train"]["ensemble.chosen"]["acc"] > 0.6


def test_a_check_shows_the_table_and_exits_with_1_out_of_bounds(monkeypatch):
    monkeypatch.setattr(check, "BOUNDS", (90.0, 90.0, 90.0))
    code, output = simulate("--check", "--queries", "200")
    assert code == 0, output
    assert "simulated features: N=600, C=6, D=64, seed 0, train" in output
    assert "k=4, cap=100" in output
    assert "9 of 9 thresholds within 90 % (counts) and 90 points" in output
    monkeypatch.setattr(check, "BOUNDS", (1e-6, 2.0, 2.0))
    code, output = simulate("--check", "--queries", "200")
    assert code == 1
    assert "0 of 9 thresholds" in output
    assert " NO" in output


def test_only_what_is_simulated_is_replaced(tmp_path: Path):
    path = tmp_path / "made.h5"
    assert simulate("--out", str(path))[0] == simulate("--out", str(path))[0] == 0
    path.write_text("mine")
    wrong = CliRunner().invoke(app, [*SMALL, "--out", str(path)]).exception
    assert isinstance(wrong, UsageError)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "expected --check, --difficulty or --out"), (["--out", "made.npy"], "ends in .h5")],
)
def test_wrong_use_is_told_in_a_line(options, message):
    wrong = CliRunner().invoke(app, [*SMALL, *options]).exception
    assert isinstance(wrong, UsageError)
    assert message in str(wrong)
