from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app, main
from benchmarks.simulated import check
from benchmarks.simulated.features import SimulatedFeatures
from ucls import pipeline
from ucls.config import Config
from ucls.feature_files import load_features

SMALL = ["simulate", "--n", "600", "--clusters", "6", "--features", "64"]


def simulate(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*SMALL, *options])
    return done.exit_code, done.output


def test_what_is_written_is_what_is_asked_for(tmp_path: Path):
    path = tmp_path / "made.h5"
    code, output = simulate("--out", str(path), "--seed", "3", "--split", "val")
    assert code == 0, output
    assert f"simulated features: {path}" in output
    made = SimulatedFeatures(600, 6, 64, 3, "val")
    found = load_features(path)
    np.testing.assert_array_equal(found.features, made.chunk(slice(0, None)).astype(np.float16))
    np.testing.assert_array_equal(found.labels, made.labels)


def test_ucls_runs_on_what_is_written(tmp_path: Path):
    path = tmp_path / "made.h5"
    simulate("--out", str(path))
    config = Config().with_values(
        {"train.epochs": 10, "train.n_heads": 3, "self_train.iterations": 50}
    )
    done = pipeline.run(str(path), out=tmp_path / "run", config=config, cache_dir=tmp_path / "c")
    assert done.figures["train"]["ensemble.chosen"]["acc"] > 0.6


def test_a_check_shows_the_table_and_says_simulated(monkeypatch):
    monkeypatch.setattr(check, "COUNT_BOUND", 90.0)
    monkeypatch.setattr(check, "ACCURACY_BOUND", 90.0)
    code, output = simulate("--check", "--queries", "200")
    assert code == 0, output
    assert "N=600, C=6, D=64, seed 0, train" in output
    assert "k=4, cap=100" in output
    assert "9 of 9 thresholds within 90 % (counts) and 90 points" in output
    assert output.count("simulated") > 4


def test_a_check_out_of_bounds_exits_with_1(monkeypatch):
    monkeypatch.setattr(check, "COUNT_BOUND", 1e-6)
    code, output = simulate("--check", "--queries", "200")
    assert code == 1
    assert "0 of 9 thresholds" in output
    assert " NO" in output


def test_too_few_features_for_the_fit_are_told():
    _, output = simulate("--check", "--queries", "50", "--features", "32")
    assert "need not hold for D=32" in output
    _, output = simulate("--check", "--queries", "50", "--features", "512")
    assert "need not hold" not in output


def test_the_difficulty_is_shown():
    code, output = simulate("--difficulty")
    assert code == 0, output
    assert "accuracies on simulated features" in output
    assert "linear probe 9" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "expected --check, --difficulty or --out"), (["--out", "made.npy"], "ends in .h5")],
)
def test_wrong_use_is_told_in_a_line(monkeypatch, capsys, options, message):
    monkeypatch.setattr("sys.argv", ["benchmarks", *SMALL, *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
