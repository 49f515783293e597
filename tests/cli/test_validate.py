from pathlib import Path

import pytest

from tests.conftest import Cli


def test_a_valid_file(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("n_clusters = 20\n[train]\nepochs = 50\n[neighbors]\ncap = 'none'\n")
    assert cli("validate", path) == (0, f"{path} is valid\n", "")


def test_the_settings_of_a_finished_run_are_valid(cli: Cli, shared_run: Path) -> None:
    assert cli("validate", shared_run / "config.toml").exit_code == 0


def test_all_errors_at_once(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        "n_clusters = 1\ncolour = 'red'\n[train]\nepoch = 5\nbeta = 2.0\n"
        "[neighbors]\ncap = 'some'\n[ensemble]\nmethod = 'best'\n"
    )
    outcome = cli("validate", path)
    assert outcome.exit_code == 2
    found = {line.partition(":")[0] for line in (outcome.out + outcome.err).splitlines()}
    assert found >= {
        "n_clusters", "colour", "train.epoch", "train.beta", "neighbors.cap", "ensemble.method",
    }  # fmt: skip
    assert "did you mean train.epochs?" in outcome.out + outcome.err


@pytest.mark.parametrize("text", ["[train\n", None])
def test_what_is_no_toml_file(text: str | None, cli: Cli, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "a.toml").write_text(text)
    outcome = cli("validate", tmp_path / "a.toml")
    assert outcome.exit_code == 2
    assert outcome.err.startswith("ucls: error: ")
    assert str(tmp_path / "a.toml") in outcome.err
