from pathlib import Path

import pytest

from tests.conftest import Cli


@pytest.mark.slow
def test_files_and_what_was_left_out(cli: Cli, run_path: Path) -> None:
    outcome = cli("plot", run_path, "--quiet")
    assert (outcome.exit_code, outcome.err) == (0, "")
    folder = run_path / "plots"
    *drawn, left_out = outcome.out.splitlines()
    assert left_out == "grid: left out, as features made elsewhere have no pictures"
    for line, name in zip(drawn, ("map", "sizes", "confusion", "curves"), strict=True):
        title, _, kinds = line.partition(": ")
        assert title.partition(" (")[0] == name
        assert kinds == f"{folder / name}.png, {folder / name}.svg"
    assert "(ACC " in drawn[2]
    assert (folder / "map.svg").is_file()


@pytest.mark.slow
def test_another_folder_whose_files_are_kept(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    (tmp_path / "sizes.png").write_bytes(b"mine")
    outcome = cli("plot", run_path, "--out", tmp_path)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert "sizes.png exists and was not written by this command" in outcome.err
    assert "pass --overwrite" in outcome.err
    assert cli("plot", run_path, "--out", tmp_path, "--overwrite").exit_code == 0
    assert not (run_path / "plots").exists()


def test_wrong_use(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("plot", tmp_path / "nowhere")
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert "not a run folder" in outcome.err
