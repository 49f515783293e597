from pathlib import Path

from tests.conftest import Cli
from ucls.cache import read_merges


def test_settings_and_the_next_command(cli: Cli, run_path: Path) -> None:
    outcome = cli("merge", run_path, "--set", "merge.linkage=share")
    target = run_path / "merges.h5"
    assert outcome.exit_code == 0
    assert outcome.out == f"{target}\nnext: ucls ensemble {run_path}\n"
    assert read_merges(target).linkage == "share"
    assert outcome.err.splitlines()[-1] == ("merge: 6 heads of 8 clusters to 4 by share linkage")


def test_settings_from_a_file(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[merge]\nlinkage = 'average'\n")
    assert cli("merge", run_path, "--config", tmp_path / "a.toml").exit_code == 0
    assert read_merges(run_path / "merges.h5").linkage == "average"


def test_done_before(cli: Cli, run_path: Path) -> None:
    assert cli("merge", run_path).err == "merge: done before with these settings, skipped\n"
    assert "skipped" not in cli("merge", run_path, "--overwrite").err
    assert cli("merge", run_path, "--overwrite", "--quiet").err == ""


def test_without_merging_it_says_so(cli: Cli, run_path: Path) -> None:
    settings = ["--set", "train.scales=[1]", "--set", "merge.linkage=none"]
    assert cli("train", run_path, *settings).exit_code == 0
    outcome = cli("merge", run_path)
    assert outcome.out == f"{run_path / 'assignments.h5'}\nnext: ucls ensemble {run_path}\n"
    assert outcome.err.startswith("merge: ")
    assert "merges.h5" not in outcome.err


def test_bad_settings(cli: Cli, run_path: Path) -> None:
    for setting, part in (
        ("merge.linkage=ward", "merge.linkage: "),
        ("train.epochs=2", "would change the stage train"),
        ("extract.views=2", "would change the features"),
    ):
        outcome = cli("merge", run_path, "--set", setting)
        assert (outcome.exit_code, outcome.out) == (2, "")
        assert outcome.err.startswith("ucls: error: ")
        assert part in outcome.err
