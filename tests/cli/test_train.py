from pathlib import Path

from tests.conftest import Cli
from ucls.cache import read_assignments


def test_settings_and_the_next_command(cli: Cli, run_path: Path) -> None:
    outcome = cli("train", run_path, "--set", "train.n_heads=2", "--seed", 4)
    target = run_path / "assignments.h5"
    assert outcome.out == f"{target}\nnext: ucls ensemble {run_path}\n"
    assert len(read_assignments(target).loss) == 2
    assert "train: 2 heads, 3 epochs" in outcome.err


def test_done_before(cli: Cli, run_path: Path) -> None:
    assert cli("train", run_path).err == "train: done before with these settings, skipped\n"
    assert "skipped" not in cli("train", run_path, "--overwrite").err
