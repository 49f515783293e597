import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Lines
from ucls.cache import read_assignments, read_tensors
from ucls.errors import UclsError, UsageError
from ucls.progress import Advance
from ucls.runs.classifier import load_heads
from ucls.runs.run import Run
from ucls.stages.neighbors import neighbors
from ucls.stages.train import CHECKPOINT_VERSION, MOST_NAMED, train

SKIPPED = "train: done before with these settings, skipped"


def test_what_it_leaves(run_path: Path) -> None:
    assignments = read_assignments(train(run_path))
    assert {split: labels.shape for split, labels in assignments.labels.items()} == {
        "train": (6, 120),
        "val": (6, 40),
    }
    assert assignments.n_clusters == 4
    assert assignments.head_clusters.tolist() == [8] * 6
    assert np.isfinite(assignments.loss).all()
    for split, confidence in assignments.confidence.items():
        assert 1 / 8 < confidence.min() <= confidence.max() <= 1
        assert 0 <= assignments.labels[split].min() <= assignments.labels[split].max() < 8
    log = [json.loads(line) for line in (run_path / "train.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in log] == [1, 2, 3]
    assert log[-1]["head_losses"] == pytest.approx(assignments.loss.tolist())
    weights, metadata = read_tensors(run_path / "heads.safetensors")
    assert {name.partition(".")[0] for name in weights} == {"heads", "batch_norm"}
    assert json.loads(metadata["heads"])["sizes"] == [8]
    assert not (run_path / "checkpoint.safetensors").exists()


def test_rerun_skips_and_says_so(run_path: Path, lines: Lines) -> None:
    train(run_path, reporter=lines)
    assert lines.said == [SKIPPED]


def test_changed_settings_train_again_and_later_stages_ask(run_path: Path, lines: Lines) -> None:
    train(run_path, settings={"train.epochs": 2, "train.n_heads": 3}, reporter=lines)
    assert "train: 3 heads, 2 of 2 epochs" in lines.said
    assert len(read_assignments(run_path / "assignments.h5").loss) == 3
    run = Run(run_path)
    assert run.freshness.is_done("train")
    assert not any(run.freshness.is_done(name) for name in ("ensemble", "self-train", "evaluate"))
    with pytest.raises(UclsError, match="no consensus of its heads; run first: ucls ensemble"):
        run.consensuses.chosen()


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
    assert lines.said == ["train: 6 heads, 6 of 6 epochs"]


def test_overwrite_does_not_resume(run_path: Path, lines: Lines) -> None:
    stop_in_epoch_three(run_path)
    train(run_path, overwrite=True, reporter=lines)
    assert lines.said == ["train: 6 heads, 6 of 6 epochs"]


def test_a_checkpoint_of_an_older_layout_is_not_used(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_in_epoch_three(run_path)
    monkeypatch.setattr("ucls.stages.train.CHECKPOINT_VERSION", CHECKPOINT_VERSION + 1)
    train(run_path, reporter=lines)
    assert lines.said == ["train: 6 heads, 6 of 6 epochs"]


def epochs_of(path: Path) -> list[int]:
    return [json.loads(line)["epoch"] for line in (path / "train.jsonl").read_text().splitlines()]


@pytest.fixture
def soon_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes any training stand still at its fourth look, after 8 of 40 epochs."""
    monkeypatch.setattr("ucls.training.standstill.LOSS_CHANGE", 1e6)
    monkeypatch.setattr("ucls.training.standstill.AGREEMENT_CHANGE", 1e6)


@pytest.mark.usefixtures("soon_still")
def test_a_training_that_stands_still_stops_and_says_so(run_path: Path, lines: Lines) -> None:
    train(run_path, settings={"train.epochs": 40}, reporter=lines)
    assert lines.said == ["train: 6 heads, 8 of 40 epochs, standing still since"]
    assert epochs_of(run_path) == list(range(1, 9))
    assert Run(run_path).freshness.is_done("train")
    train(run_path, reporter=lines)
    assert lines.said[1:] == [SKIPPED]


@pytest.mark.usefixtures("soon_still")
def test_without_early_stopping_it_goes_to_the_end(run_path: Path, lines: Lines) -> None:
    train(
        run_path,
        settings={"train.epochs": 40, "train.early_stopping": False},
        reporter=lines,
    )
    assert lines.said == ["train: 6 heads, 40 of 40 epochs"]


def test_a_training_that_still_moves_goes_to_the_end(run_path: Path, lines: Lines) -> None:
    train(run_path, settings={"train.epochs": 40}, reporter=lines)
    assert lines.said[0] == "train: 6 heads, 40 of 40 epochs"


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("soon_still")
@pytest.mark.parametrize("epoch", [2, 8])
def test_a_resumed_training_stops_at_the_same_epoch(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    train(run_path, settings={"train.epochs": 40})
    names = ("heads.safetensors", "assignments.h5")
    uninterrupted = {name: (run_path / name).read_bytes() for name in names}
    (run_path / "assignments.h5").unlink()
    monkeypatch.setattr("ucls.stages.train.CHECKPOINT_SHARE", 1e9)
    with monkeypatch.context() as patched:
        if epoch == 8:
            patched.setattr("ucls.heads.trained.heads_metadata", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(run_path, reporter=StopInEpochThree() if epoch == 2 else lines)
    lines.said.clear()
    train(run_path, reporter=lines)
    assert lines.said == [
        f"train: resumes after epoch {epoch}",
        "train: 6 heads, 8 of 40 epochs, standing still since",
    ]
    assert epochs_of(run_path) == list(range(1, 9))
    assert uninterrupted == {name: (run_path / name).read_bytes() for name in names}


def test_collapsed_heads_are_named(run_path: Path, lines: Lines) -> None:
    """Without its entropy SCAN has a trivial solution: all images in one cluster."""
    settings = {"train.objective": "scan", "train.entropy_weight": 0, "train.epochs": 60}
    train(run_path, settings=settings, reporter=lines)
    labels = read_assignments(run_path / "assignments.h5").labels["train"]
    collapsed = [head for head in range(6) if len(np.unique(labels[head])) < 4]
    assert collapsed
    told = [f"head {head} fills {len(np.unique(labels[head]))} of 8 clusters" for head in collapsed]
    more = f" and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    assert lines.said[1:] == [f"train: collapsed: {', '.join(told[:MOST_NAMED])}{more}"]


@pytest.mark.parametrize("objective", ["temi", "scan", "self-classifier", "uic", "c2bin", "turtle"])
def test_another_objective_and_its_own_settings(run_path: Path, objective: str) -> None:
    train(run_path, settings={"train.objective": objective, "train.n_heads": 2})
    run = Run(run_path)
    assert run.config.train.objective == objective
    assert run.freshness.is_done("train")
    scales = {"self-classifier": (1, 2, 4, 8), "c2bin": (1, 2, 4), "turtle": (1,)}.get(
        objective, (2,)
    )
    assert run.config.train.scales == scales
    assignments = read_assignments(run_path / "assignments.h5")
    expected = [round(4 * scale) for scale in scales for _ in range(2)]
    assert assignments.head_clusters.tolist() == expected
    assert np.isfinite(assignments.loss).all()
    with run.features("val") as cache:
        features = cache.read("cls")
    heads = load_heads(run.folder, range(len(expected)))
    found = heads.labels(heads.logits(features))
    np.testing.assert_array_equal(found, assignments.labels["val"])


def test_settings_of_another_objective_are_refused(run_path: Path) -> None:
    before = (run_path / "run.json").read_bytes()
    message = "fixed_share has no part in the objective scan, it is used by uic: leave it out"
    with pytest.raises(UsageError, match=message):
        train(run_path, settings={"train.objective": "scan", "train.fixed_share": 0.5})
    assert (run_path / "run.json").read_bytes() == before


def test_augmented_views_that_are_not_cached(run_path: Path) -> None:
    message = "train.views is augmented, but no augmented views are cached; extract them with"
    before = (run_path / "run.json").read_bytes()
    with pytest.raises(UsageError, match=f"{message} --views 2, or choose train.views=neighbor"):
        train(run_path, settings={"train.views": "augmented"})
    assert (run_path / "run.json").read_bytes() == before


def test_views_change_the_key_only_where_they_are_used(run_path: Path) -> None:
    folder = Run(run_path).folder
    keys = {}
    for views in ("neighbor", "augmented"):
        for n_views in (2, 3):
            folder.update(data={**folder.record["data"], "n_views": n_views})
            requested = folder.record["requested"]
            requested["train"]["views"] = views
            folder.update(requested=requested)
            keys[views, n_views] = Run(run_path).freshness.key("train")
    assert keys["neighbor", 2] == keys["neighbor", 3]
    assert keys["augmented", 2] != keys["augmented", 3]
