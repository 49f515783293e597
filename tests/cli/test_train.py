from pathlib import Path

from tests.conftest import Cli
from ucls.cache import RunFolder, read_assignments


def test_settings_and_the_next_command(cli: Cli, run_path: Path) -> None:
    outcome = cli("train", run_path, "--set", "train.n_heads=2", "--seed", 4)
    target = run_path / "assignments.h5"
    assert outcome.out == f"{target}\nnext: ucls merge {run_path}\n"
    assert len(read_assignments(target).loss) == 2
    assert "train: 2 heads, 3 of 3 epochs" in outcome.err


def test_done_before(cli: Cli, run_path: Path) -> None:
    assert cli("train", run_path).err == "train: done before with these settings, skipped\n"
    assert "skipped" not in cli("train", run_path, "--overwrite").err


def test_another_objective_with_its_settings(cli: Cli, run_path: Path) -> None:
    options = ["--objective", "uic", "--set", "train.fixed_share=0.5"]
    assert cli("train", run_path, *options).exit_code == 0
    train = RunFolder(run_path).read_config()["train"]
    assert (train["objective"], train["fixed_share"]) == ("uic", 0.5)
    assert "beta" not in train
    assert cli("train", run_path, *options).err.endswith("these settings, skipped\n")


def test_settings_that_have_no_part_in_the_objective(cli: Cli, run_path: Path) -> None:
    before = (run_path / "run.json").read_bytes()
    outcome = cli("train", run_path, "--objective", "turtle", "--set", "train.hidden_dim=64")
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert "hidden_dim has no part in the objective turtle, it is used by ucls" in outcome.err
    assert (run_path / "run.json").read_bytes() == before
