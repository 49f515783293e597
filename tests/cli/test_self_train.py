from pathlib import Path

from tests.conftest import Cli


def test_labels_and_the_next_command(cli: Cli, run_path: Path) -> None:
    before = (run_path / "labels.csv").read_bytes()
    (run_path / "labels.csv").unlink()
    outcome = cli("self-train", run_path)
    assert outcome.exit_code == 0
    assert outcome.out == f"{run_path / 'labels.csv'}\nnext: ucls evaluate {run_path}\n"
    assert "self-train: chose heads at learning rate " in outcome.err
    assert (run_path / "labels.csv").read_bytes() == before
