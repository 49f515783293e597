import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from benchmarks.__main__ import app
from tests.benchmarks.accuracy.samples import QUICK
from tests.ucls.datasets.layouts import write_cifar10
from ucls.errors import UsageError

PIXELS = {
    "extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0,
    "features": "cls", "neighbors.k": 5, "train.batch_size": 16,
}  # fmt: skip


def call(folder: Path, *arguments: str, **settings: object) -> Result:
    places = ["--runs-dir", folder / "runs", "--results-dir", folder / "results"]
    places += ["--cache-dir", folder / "cache", "--seeds", 1]
    asked = {**QUICK, **settings}
    quick = [part for name, value in asked.items() for part in ("--set", f"{name}={value}".lower())]
    return CliRunner().invoke(app, ["run", *map(str, places), *quick, *arguments])


@pytest.mark.slow
def test_one_dataset_fails_and_the_other_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UCLS_DATA", raising=False)
    result = call(tmp_path, "--datasets", "cifar10,imagenet50,digits", "--first-seed", "3")
    assert result.exit_code == 1
    assert "cifar10 failed: where cifar10 lies is not known: give --data-dir" in result.stderr
    assert "imagenet50 failed: cannot read the subset " in result.stderr
    assert "digits, seed 3" in result.stderr
    assert f"records: {tmp_path / 'results'}" in result.stdout
    assert (tmp_path / "results" / "digits" / "ucls-seed3.json").is_file()
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_a_dataset_in_its_own_layout_is_run_again_where_images_were_missing(tmp_path: Path) -> None:
    write_cifar10(tmp_path, n_train=60, n_val=20)
    options = ["--datasets", "cifar10", "--data-dir", str(tmp_path)]
    options += ["--objective", "temi", "--skip-existing"]
    result = call(tmp_path, *options, **PIXELS)
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "results" / "cifar10" / "temi-seed0.json").is_file()
    again = call(tmp_path, *options, "--stages", "extract,neighbors", **PIXELS).stderr
    assert "run again, as its record differs: train had 60 of 50,000 images" in again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--datasets", "cifar11"], "got cifar11"),
        (["--stages", "ensembel"], "got ensembel"),
        (["--set", "train.epoch=3"], "train.epoch: no such setting"),
        (["--set", "train.epochs"], "expected --set NAME=VALUE"),
        (["--set", "seed=3"], "seed is not given with --set"),
        (["--objective", "temy"], "train.objective"),
    ],
)
def test_wrong_use_is_told_before_anything_runs(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = call(tmp_path, *arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
    assert not (tmp_path / "runs").exists()


def test_the_command_line_imports_no_torch() -> None:
    names = "run, table, ablate, simulate, digits, objectives, ensembles"
    code = f"import sys; from benchmarks.commands import {names}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
