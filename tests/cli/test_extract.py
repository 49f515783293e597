from pathlib import Path

from tests.conftest import Cli


def test_without_a_run_only_the_cache_is_written(
    cli: Cli, photos: Path, tmp_path: Path, own_cache: Path
) -> None:
    options = ["--backbone", "pixels", "--set", "extract.workers=0"]
    outcome = cli("extract", photos, *options, "--cache-dir", tmp_path / "other")
    (path,) = (tmp_path / "other").glob("*.h5")
    assert (outcome.exit_code, outcome.out) == (0, f"train: {path}\n")
    assert not own_cache.exists()
    assert not (tmp_path / "runs").exists()


def test_stage_by_stage_as_each_tells(
    cli: Cli, sources: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    run = tmp_path / "a"
    source = ["extract", sources / "plain.npy", "-k", 4, "--out", run]
    outcome = cli(*source, *tiny_options)
    commands = []
    while "next: ucls " in outcome.out:
        _, _, command, *arguments = outcome.out.splitlines()[-1].split()
        commands.append(command)
        assert arguments == [str(run)]
        outcome = cli(command, *arguments)
        assert outcome.exit_code == 0
        if command == "ensemble":
            assert "mcla (chosen)" in outcome.out
            break
    assert commands == ["neighbors", "train", "ensemble"]
    outcome = cli("self-train", run)
    assert outcome.out == f"{run / 'labels.csv'}\nnext: ucls evaluate {run}\n"
    assert "k-means" in cli("evaluate", run).out


def test_a_stage_too_early_names_each_command_to_run_first(
    cli: Cli, sources: Path, tmp_path: Path
) -> None:
    run = tmp_path / "a"
    assert cli("extract", sources / "plain.npy", "-k", 4, "--out", run).exit_code == 0
    for command, needed in (
        ("evaluate", "self-train"),
        ("self-train", "ensemble"),
        ("ensemble", "train"),
        ("train", "neighbors"),
        ("predict", "self-train"),
    ):
        more = [sources / "plain.npy"] if command == "predict" else []
        outcome = cli(command, run, *more)
        assert (outcome.exit_code, outcome.out) == (1, "")
        assert outcome.err.endswith(f"run first: ucls {needed} {run}\n")
