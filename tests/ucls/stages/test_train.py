import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Lines
from ucls.cache import read_assignments, read_tensors
from ucls.errors import UclsError
from ucls.progress import Advance
from ucls.stages.neighbors import neighbors
from ucls.stages.run import Run
from ucls.stages.train import CHECKPOINT_VERSION, train

SKIPPED = "train: done before with these settings, skipped"


def test_what_it_leaves(run_path: Path) -> None:
    assignments = read_assignments(train(run_path))
    assert {split: labels.shape for split, labels in assignments.labels.items()} == {
        "train": (6, 120),
        "val": (6, 40),
    }
    assert assignments.n_clusters == 4
    assert np.isfinite(assignments.loss).all()
    for confidence in assignments.confidence.values():
        assert 0.24 < confidence.min() <= confidence.max() <= 1
    log = [json.loads(line) for line in (run_path / "train.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in log] == [1, 2, 3]
    assert log[-1]["head_losses"] == pytest.approx(assignments.loss.tolist())
    weights, _ = read_tensors(run_path / "heads.safetensors")
    assert any(name.startswith("teacher.") for name in weights)
    assert not (run_path / "checkpoint.safetensors").exists()


def test_rerun_skips_and_says_so(run_path: Path, lines: Lines) -> None:
    train(run_path, reporter=lines)
    assert lines.said == [SKIPPED]


def test_changed_settings_train_again_and_later_stages_ask(run_path: Path, lines: Lines) -> None:
    train(run_path, settings={"train.epochs": 2, "train.n_heads": 3}, reporter=lines)
    assert "train: 3 heads, 2 epochs" in lines.said
    assert len(read_assignments(run_path / "assignments.h5").loss) == 3
    run = Run(run_path)
    assert run.is_done("train")
    assert not any(run.is_done(name) for name in ("ensemble", "self-train", "evaluate"))
    with pytest.raises(UclsError, match="no consensus of its heads; run first: ucls ensemble"):
        run.chosen_consensus()


def test_the_same_seed_gives_the_same_heads(run_path: Path) -> None:
    before = (run_path / "heads.safetensors").read_bytes()
    train(run_path, overwrite=True)
    assert (run_path / "heads.safetensors").read_bytes() == before
    train(run_path, settings={"seed": 1})
    assert (run_path / "heads.safetensors").read_bytes() != before


def test_without_neighbors_it_names_the_command(run_path: Path) -> None:
    run = Run(run_path).folder
    run.update(stages={"extract": run.record["stages"]["extract"]})
    with pytest.raises(
        UclsError, match=f"neighbors of .* is not done; .*: ucls neighbors {run_path}"
    ):
        train(run_path)


class StopInEpochThree(Lines):
    """Interrupts the training in its third epoch, at the first step."""

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        epochs: list[float] = []

        def advance(amount: int = 1, /, **figures: float) -> None:
            if epochs == [1, 2]:
                raise KeyboardInterrupt
            epochs.extend([figures["epoch"]] if figures else [])

        yield advance


def stop_in_epoch_three(path: Path, **settings: object) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(path, settings={"train.epochs": 6, **settings}, reporter=StopInEpochThree())


def test_an_interrupted_training_resumes_to_the_same_result(run_path: Path, lines: Lines) -> None:
    train(run_path, settings={"train.epochs": 6})
    uninterrupted = {
        name: (run_path / name).read_bytes() for name in ("heads.safetensors", "assignments.h5")
    }
    (run_path / "assignments.h5").unlink()
    stop_in_epoch_three(run_path)
    assert (run_path / "checkpoint.safetensors").is_file()
    train(run_path, reporter=lines)
    assert any(line.startswith("train: resumes after epoch") for line in lines.said)
    for name, content in uninterrupted.items():
        assert (run_path / name).read_bytes() == content
    log = [json.loads(line) for line in (run_path / "train.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in log] == [1, 2, 3, 4, 5, 6]
    assert not (run_path / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("change", [{"train.beta": 0.7}, {"seed": 1}, {"neighbors.k": 4}])
def test_a_checkpoint_of_other_settings_is_not_used(
    run_path: Path, lines: Lines, change: dict[str, float]
) -> None:
    stop_in_epoch_three(run_path)
    neighbors(run_path, settings=change)
    train(run_path, reporter=lines)
    assert lines.said == ["train: 6 heads, 6 epochs"]


def test_overwrite_does_not_resume(run_path: Path, lines: Lines) -> None:
    stop_in_epoch_three(run_path)
    train(run_path, overwrite=True, reporter=lines)
    assert lines.said == ["train: 6 heads, 6 epochs"]


def test_a_checkpoint_of_an_older_layout_is_not_used(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_in_epoch_three(run_path)
    monkeypatch.setattr("ucls.stages.train.CHECKPOINT_VERSION", CHECKPOINT_VERSION + 1)
    train(run_path, reporter=lines)
    assert lines.said == ["train: 6 heads, 6 epochs"]
