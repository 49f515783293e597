from pathlib import Path

import pytest

from tests.conftest import Cli
from ucls.cache import read_consensus


def test_another_consensus_beside_the_chosen_one(cli: Cli, run_path: Path) -> None:
    outcome = cli("ensemble", run_path, "--method", "vote", "--heads", "0-4")
    assert outcome.exit_code == 0
    assert "mcla (chosen)" in outcome.out
    assert "vote[0-4]" in outcome.out
    assert "ensemble: vote[0-4] of 5 heads" in outcome.err
    assert cli("ensemble", run_path, "--quiet").err == ""


def test_choose_and_the_stages_after(cli: Cli, run_path: Path) -> None:
    outcome = cli("ensemble", run_path, "--method", "vote", "--choose")
    assert "vote (chosen)" in outcome.out
    assert read_consensus(run_path / "consensus.h5")[1] == "vote"
    stale = cli("evaluate", run_path)
    assert stale.exit_code == 1
    assert f"self-train of {run_path} has other settings" in stale.err
    assert cli("self-train", run_path).exit_code == 0
    assert "ensemble (vote)" in cli("evaluate", run_path).out


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--heads", "0-9"], "heads must be in 0..5, got 9"),
        (["--heads", "few"], "numbers and ranges such as 0-4,7, got 'few'"),
        (["--method", "best"], "'mcla' or 'vote'"),
        (["--set", "ensemble.min_jaccard=2"], "ensemble.min_jaccard"),
    ],
)
def test_bad_options(options: list[str], part: str, cli: Cli, run_path: Path) -> None:
    outcome = cli("ensemble", run_path, *options)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert outcome.err.startswith("ucls: error: ")
    assert part in outcome.err
