from pathlib import Path

import pytest
import typer

from tests.conftest import Cli
from ucls.cache import read_consensus
from ucls.cli.main import app
from ucls.ensemble.methods import METHODS, all_options, methods_with


def test_another_consensus_beside_the_chosen_one(cli: Cli, run_path: Path) -> None:
    outcome = cli("ensemble", run_path, "--method", "vote", "--heads", "0-4")
    assert outcome.exit_code == 0
    assert "mcla (chosen)" in outcome.out
    assert "vote[0-4]" in outcome.out
    assert "share of images in the same cluster in both" in outcome.out
    assert "ANMI: mean NMI to the heads" in outcome.out
    assert "ensemble: heads 0-4, as named" in outcome.err
    assert "ensemble: vote[0-4] of 5 heads" in outcome.err
    assert cli("ensemble", run_path, "--quiet").err == ""


@pytest.mark.slow
def test_all_methods(cli: Cli, run_path: Path) -> None:
    outcome = cli("ensemble", run_path, "--method", "all")
    assert outcome.exit_code == 0
    assert all(method in outcome.out for method in METHODS)
    assert outcome.out.count("highest ANMI)") == 1
    assert outcome.out.count("chosen") == 1
    evaluated = cli("evaluate", run_path)
    assert all(f"ensemble {method}" in evaluated.out for method in METHODS if method != "mcla")


def test_every_option_reaches_the_consensus(cli: Cli, run_path: Path) -> None:
    options = ["--heads", "best:4", "--weights", "loss", "--keep-k", "--min-jaccard", "0.1"]
    options += ["--vertex-weights", "size", "--no-revote"]
    assert cli("ensemble", run_path, *options).exit_code == 0
    assert cli("ensemble", run_path, "--method", "hgpa", "--imbalance", "0.5").exit_code == 0
    assert set(read_consensus(run_path / "consensus.h5")[0]) == {
        "mcla",
        "mcla[best:4,weights=loss,keep_k=true,min_jaccard=0.1,vertex_weights=size,revote=false]",
        "hgpa[imbalance=0.5]",
    }


def test_one_split(cli: Cli, run_path: Path) -> None:
    outcome = cli("ensemble", run_path, "--method", "vote", "--split", "val")
    assert "of val" in outcome.out
    assert "of train" not in outcome.out
    shown = cli("ensemble", run_path).out
    assert shown.index("of train") < shown.index("of val")
    assert "ensemble vote" in cli("evaluate", run_path).out


def test_choose_and_the_stages_after(cli: Cli, run_path: Path) -> None:
    outcome = cli("ensemble", run_path, "--method", "vote", "--choose")
    assert "vote (chosen)" in outcome.out
    assert read_consensus(run_path / "consensus.h5")[1] == "vote"
    stale = cli("evaluate", run_path)
    assert stale.exit_code == 0
    assert f"run: ucls self-train {run_path}" in stale.err
    assert "ensemble (vote)" in stale.out
    assert "self-training" not in stale.out
    assert cli("self-train", run_path).exit_code == 0
    assert "self-training" in cli("evaluate", run_path).out


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--heads", "0-9"], "heads must be in 0..5, got 9"),
        (["--heads", "few"], "numbers and ranges such as 0-4,7, but it is 'few'"),
        (["--heads", "best:0"], "but it is 'best:0'"),
        (["--heads", "best:99"], "there are 6: ask for 1 to 6"),
        (["--heads", "anmi:x"], "but it is 'anmi:x'"),
        (["--method", "best"], "'mcla', 'vote', 'hbgf', 'cspa', 'nmf', 'hgpa' or 'all'"),
        (["--method", "vote", "--no-revote"], "revote has no part in the method vote"),
        (["--imbalance", "1"], "imbalance has no part in the method mcla"),
        (["--min-jaccard", "much"], "'--min-jaccard'"),
        (["--split", "test"], "choose one of train, val"),
        (["--method", "vote", "--split", "val", "--choose"], "needs a consensus of train"),
        (["--set", "ensemble.min_jaccard=2"], "ensemble.min_jaccard"),
    ],
)
def test_bad_options(options: list[str], part: str, cli: Cli, run_path: Path) -> None:
    before = (run_path / "consensus.h5").read_bytes()
    outcome = cli("ensemble", run_path, *options)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert outcome.err.startswith("ucls: error: ")
    assert part in outcome.err
    assert (run_path / "consensus.h5").read_bytes() == before


def test_the_command_has_the_options_of_all_methods() -> None:
    command = typer.main.get_command(app).commands["ensemble"]  # type: ignore[attr-defined]
    told = {
        parameter.name: parameter.help for parameter in command.params if parameter.name != "run"
    }
    for name, option in all_options().items():
        assert told[name] == f"{', '.join(methods_with(name))}: {option.help}"
    assert told["method"].startswith("mcla, vote, hbgf, cspa, nmf, hgpa; or all")
    assert all(f"{method.name} {method.help}" in command.help for method in METHODS.values())
