import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.records import read_record
from benchmarks.trials import Trial

QUICK = ["--seeds", "1", "--set", "train.epochs=2", "--set", "neighbors.k=3"]


@pytest.fixture
def ablate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command in this process; gives the exit code and what was printed."""

    def call(*arguments: object):
        out = ["--out", str(tmp_path / "out"), "--runs-dir", str(tmp_path / "runs")]
        command = ["benchmarks", "ablate", *map(str, arguments), *out]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, capsys.readouterr()

    return call


@pytest.mark.slow
def test_it_leaves_records_tables_and_a_plot(ablate, tmp_path: Path, sources: Path) -> None:
    source = ["--source", sources / "blobs.npz", "--val", sources / "blobs-val.npz"]
    code, printed = ablate("heads", *source, *QUICK, "--values", "2,3")
    assert code == 0
    files = [tmp_path / "out" / f"heads-blobs.{end}" for end in ("md", "png")]
    records = tmp_path / "out" / "heads-blobs"
    assert printed.out.splitlines()[-3:] == [str(path) for path in (records, *files)]
    assert all(path.is_file() for path in files)
    trial = read_record(records / "3-seed0.json", Trial)
    assert trial.command.startswith("python -m benchmarks ablate heads --source ")
    assert trial.overrides == {"train.epochs": 2, "neighbors.k": 3}
    assert (trial.row, trial.resolved["train.n_heads"]) == ("3", 3)
    assert "self_training" not in trial.figures["val"]
    code, printed = ablate("heads", *source, *QUICK, "--values", "3,4", "--skip-existing")
    assert read_record(records / "3-seed0.json", Trial) == trial
    assert "3, seed 0 skipped" in " ".join(printed.out.split())
    assert "| 4 " in files[0].read_text()


@pytest.mark.slow
def test_components_are_measured_with_self_training(ablate, tmp_path: Path, sources: Path) -> None:
    quick = [*QUICK, "--set", "train.n_heads=3", "--set", "self_train.iterations=20"]
    code, _ = ablate("components", "--source", sources / "blobs.npz", *quick)
    assert code == 0
    records = tmp_path / "out" / "components-blobs"
    trials = [read_record(path, Trial) for path in records.iterdir()]
    assert len(trials) == 5
    assert all("self_training" in trial.figures["train"] for trial in trials)
    counts = {trial.row: trial.neighbors["mean_count"] for trial in trials}
    assert counts["baseline"] == counts["batch-norm"] == 3.0 < counts["adaptive-neighbors"]
    assert counts["adaptive-neighbors"] == counts["sinkhorn"] == counts["cross-entropy"]


def test_the_exit_code_tells_of_failed_runs(ablate, tmp_path: Path, sources: Path) -> None:
    too_many = ["--set", "neighbors.k=500", "--values", "2"]
    code, printed = ablate("heads", "--source", sources / "blobs.npz", "--seeds", "1", *too_many)
    assert code == 1
    assert "2, seed 0 failed: neighbors.k must be between 1 and 119" in printed.err
    assert "FAILED" in (tmp_path / "out" / "heads-blobs.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["parts", "--source", "digits"], "no study 'parts'"),
        (["heads", "--source", "digits", "--set", "train.epoch=3"], "no such setting"),
        (["losses", "--source", "digits", "--values", "1"], "--values is for"),
    ],
)
def test_wrong_use_is_told_in_a_line(
    ablate, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, printed = ablate(*arguments)
    assert code == 2
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
