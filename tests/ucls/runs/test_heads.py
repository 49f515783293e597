import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, Lines
from ucls.cache import read_assignments, read_consensus, write_assignments
from ucls.runs.heads import all_collapsed, find_collapsed
from ucls.runs.run import Run
from ucls.stages.train import train

COLLAPSING = [
    "--objective", "scan", "--set", "train.entropy_weight=0", "--set", "train.learning_rate=1",
    "--set", "train.epochs=20",
]  # fmt: skip
"""Without its entropy SCAN has a trivial solution: all images in one cluster."""


@pytest.fixture
def command(sources: Path, tmp_path: Path, tiny_options: list[str]) -> list[object]:
    """Runs to heads that have all collapsed."""
    source = [sources / "blobs.npz", "--val", sources / "blobs-val.npz"]
    out = ["-k", 4, "--out", tmp_path / "run", "--quiet"]
    return ["run", *source, *out, *tiny_options, *COLLAPSING]


@pytest.fixture
def collapsed_run(cli: Cli, tmp_path: Path, command: list[object]) -> Path:
    """A finished run whose heads have all collapsed, which its quiet command has said."""
    outcome = cli(*command)
    assert outcome.exit_code == 0
    training, *_, end = outcome.err.splitlines()
    assert training.startswith("WARNING: train: all heads have collapsed: head 0 fills ")
    assert re.match(r"WARNING: all 6 heads of \S+ have collapsed, so its clusters mean not", end)
    return tmp_path / "run"


def sureness(path: Path) -> set[tuple[str, ...]]:
    return {tuple(line.split(",")[-2:]) for line in path.read_text().splitlines()[1:]}


@pytest.mark.slow
def test_a_run_whose_heads_have_all_collapsed_is_not_sure(
    collapsed_run: Path, cli: Cli, sources: Path, tmp_path: Path
) -> None:
    assert sureness(collapsed_run / "labels.csv") == {("0.0000", "0.2500")}
    metrics = json.loads((collapsed_run / "metrics.json").read_text())
    assert metrics["collapsed"] is True
    for split in ("train", "val"):
        assert metrics[split]["ensemble.chosen"]["mean_confidence"] == 0
        assert metrics[split]["self_training"]["mean_probability"] == 0.25
    out = tmp_path / "new.csv"
    told = cli("predict", collapsed_run, sources / "blobs-val.npz", "--out", out, "-q").err
    assert sureness(out) == {("0.0000", "0.2500")}
    assert told.startswith("WARNING: all 6 heads of ")


@pytest.mark.slow
def test_every_command_after_the_training_warns_of_the_collapse(
    collapsed_run: Path, cli: Cli, command: list[object]
) -> None:
    for following in (
        command,
        ["ensemble", collapsed_run],
        ["ensemble", collapsed_run, "--method", "vote", "--overwrite"],
        ["self-train", collapsed_run, "--overwrite"],
        ["evaluate", collapsed_run],
    ):
        *_, told = cli(*following, "-q").err.splitlines()
        assert told.startswith("WARNING: all 6 heads of "), following
    entries, _ = read_consensus(collapsed_run / "consensus.h5")
    assert not any(entry.confidence["train"].any() for entry in entries.values())


def test_a_sound_run_warns_of_nothing(cli: Cli, run_path: Path) -> None:
    assert cli("evaluate", run_path, "-q").err == ""
    assert json.loads((run_path / "metrics.json").read_text())["collapsed"] is False


@pytest.mark.parametrize("n_distinct", [3, 100])
def test_heads_cannot_fill_more_clusters_than_there_are_different_images(
    run_path: Path, monkeypatch: pytest.MonkeyPatch, n_distinct: int
) -> None:
    assignments = read_assignments(run_path / "assignments.h5")
    assignments.labels["train"][:] = np.arange(120) % 3  # of 8 clusters
    write_assignments(run_path / "assignments.h5", assignments)
    monkeypatch.setattr("ucls.runs.heads.count_distinct", lambda _, enough: min(n_distinct, enough))
    is_sound = n_distinct == 3
    assert (find_collapsed(Run(run_path)) == {}) == is_sound
    assert all_collapsed(Run(run_path), (0, 3)) != is_sound


def test_the_training_names_heads_of_few_different_images_sound(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.training.training_set.count_distinct", lambda _, enough: 1)
    train(run_path, overwrite=True, reporter=lines)
    assert not any("collapsed" in line for line in lines.said)
