import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Lines
from ucls.cache import read_assignments, read_tensors
from ucls.errors import UclsError, UsageError
from ucls.progress import Advance
from ucls.runs.checkpoint import VERSION
from ucls.runs.classifier import load_heads
from ucls.runs.run import Run
from ucls.stages.neighbors import neighbors
from ucls.stages.train import MOST_NAMED, train
from ucls.training.standstill import stands_still

SKIPPED = "train: done before with these settings, skipped"
IN_ABOUT = re.compile(r"train: \d+ heads in about \d+ s")

Log = list[dict[str, Any]]


def log_of(path: Path) -> Log:
    """What does not depend on how fast the machine is."""
    lines = map(json.loads, (path / "train.jsonl").read_text().splitlines())
    speed = ("seconds", "images_per_second")
    return [{name: v for name, v in line.items() if name not in speed} for line in lines]


def outcome_of(path: Path) -> tuple[bytes, bytes, Log]:
    weights, assignments = (path / name for name in ("heads.safetensors", "assignments.h5"))
    return weights.read_bytes(), assignments.read_bytes(), log_of(path)


def epochs_of(path: Path) -> list[list[int]]:
    """The epochs of each group."""
    groups: dict[int, list[int]] = {}
    for record in log_of(path):
        groups.setdefault(record["group"], []).append(record["epoch"])
    assert list(groups) == list(range(len(groups)))
    return list(groups.values())


def told_of(lines: Lines) -> list[str]:
    """All but the time that it is expected to take."""
    return [line for line in lines.told if not IN_ABOUT.match(line)]


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
    assert epochs_of(run_path) == [[1, 2, 3]]
    log = log_of(run_path)
    assert log[0]["moved"] is None
    assert 0 <= log[-1]["moved"] <= 1
    assert log[-1]["head_losses"] == pytest.approx(assignments.loss.tolist())
    weights, metadata = read_tensors(run_path / "heads.safetensors")
    assert {name.partition(".")[0] for name in weights} == {"heads", "batch_norm", "preparation"}
    assert json.loads(metadata["heads"])["sizes"] == [8]
    assert not list(run_path.glob("checkpoint*"))


def test_rerun_skips_and_says_so(run_path: Path, lines: Lines) -> None:
    train(run_path, reporter=lines)
    assert lines.told == [SKIPPED]


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


class StopAfter(Lines):
    """Interrupts the training after some epochs, at the first step of the next."""

    def __init__(self, n_epochs: int) -> None:
        super().__init__()
        self.left = n_epochs

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        def advance(amount: int = 1, /, **figures: float) -> None:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= bool(figures)

        yield advance


@pytest.fixture
def always_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves a checkpoint after every epoch."""
    monkeypatch.setattr("ucls.runs.checkpoint.SHARE", 1e9)


def began_anew(path: Path, lines: Lines) -> bool:
    assert epochs_of(path)[0][0] == 1
    return IN_ABOUT.match(lines.said[0]) is not None


def stop_after(n_epochs: int, path: Path, **settings: object) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(path, settings={"train.epochs": 6, **settings}, reporter=StopAfter(n_epochs))


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["ucls", "uic", "turtle"])
def test_an_interrupted_training_resumes_to_the_same_result(
    run_path: Path, lines: Lines, objective: str
) -> None:
    train(run_path, settings={"train.epochs": 6, "train.objective": objective})
    uninterrupted = outcome_of(run_path)
    (run_path / "assignments.h5").unlink()
    stop_after(2, run_path)
    assert (run_path / "checkpoint-group0.safetensors").is_file()
    train(run_path, reporter=lines)
    assert re.fullmatch(r"train: resumes after epoch [12]", lines.said[0])
    assert outcome_of(run_path) == uninterrupted
    assert not list(run_path.glob("checkpoint*"))


@pytest.mark.parametrize("change", [{"train.beta": 0.7}, {"seed": 1}, {"neighbors.k": 4}])
def test_a_checkpoint_of_other_settings_is_not_used(
    run_path: Path, lines: Lines, change: dict[str, float]
) -> None:
    stop_after(2, run_path)
    neighbors(run_path, settings=change)
    train(run_path, reporter=lines)
    assert began_anew(run_path, lines)


def test_overwrite_does_not_resume(run_path: Path, lines: Lines) -> None:
    stop_after(2, run_path)
    train(run_path, overwrite=True, reporter=lines)
    assert began_anew(run_path, lines)


def test_a_checkpoint_of_an_older_layout_is_not_used(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(2, run_path)
    monkeypatch.setattr("ucls.runs.checkpoint.VERSION", VERSION + 1)
    train(run_path, reporter=lines)
    assert began_anew(run_path, lines)


IN_THREE_GROUPS = {"train.heads_at_once": 2, "train.epochs": 4}


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes any training go to the end."""
    monkeypatch.setattr("ucls.training.standstill.MOVES_AT_MOST", -1.0)


@pytest.fixture
def never_settled(monkeypatch: pytest.MonkeyPatch, restless: None) -> None:
    """Makes every group of heads change the consensus."""
    monkeypatch.setattr("ucls.runs.settling.SETTLED", 1.1)


@pytest.fixture
def soon_settled(monkeypatch: pytest.MonkeyPatch, restless: None) -> None:
    """Makes the second group of heads change nothing."""
    monkeypatch.setattr("ucls.runs.settling.SETTLED", 0.0)


@pytest.mark.usefixtures("soon_settled")
def test_no_more_heads_are_trained_once_they_change_nothing(run_path: Path, lines: Lines) -> None:
    train(run_path, settings=IN_THREE_GROUPS, reporter=lines)
    assert [len(epochs) for epochs in epochs_of(run_path)] == [4, 4]
    assert lines.told[1:] == ["train: 4 heads, 4 of 4 epochs, more heads change nothing"]
    assignments = read_assignments(run_path / "assignments.h5")
    assert assignments.head_clusters.tolist() == [8] * 4
    assert load_heads(Run(run_path).folder, range(4)).sizes == [8] * 4
    assert Run(run_path).freshness.is_done("train")


@pytest.mark.usefixtures("never_settled")
def test_all_groups_are_trained_while_they_change_something(run_path: Path, lines: Lines) -> None:
    train(run_path, settings=IN_THREE_GROUPS, reporter=lines)
    assert [len(epochs) for epochs in epochs_of(run_path)] == [4, 4, 4]
    assert re.fullmatch(
        r"train: 2 heads in about \d+ s; more heads follow while they change the consensus, "
        r"6 in \d+ s at most",
        lines.said[0],
    )
    assert lines.told[1:] == ["train: 6 heads, 4 of 4 epochs"]
    labels = read_assignments(run_path / "assignments.h5").labels["train"]
    assert len(np.unique(labels, axis=0)) == 6


@pytest.mark.usefixtures("soon_settled")
@pytest.mark.parametrize(
    "settings",
    [
        {**IN_THREE_GROUPS, "train.early_stopping": False},
        {"train.n_heads": 7},
        {"train.heads_at_once": 50},
    ],
)
def test_all_heads_are_trained_where_that_is_asked_for(
    run_path: Path, lines: Lines, settings: dict[str, Any]
) -> None:
    train(run_path, settings=settings, reporter=lines)
    n_heads = settings.get("train.n_heads", 6)
    assert len(read_assignments(run_path / "assignments.h5").loss) == n_heads
    assert len(epochs_of(run_path)) == (3 if "train.early_stopping" in settings else 1)
    assert "more heads" not in lines.told[-1]


@pytest.mark.usefixtures("never_settled")
def test_the_first_heads_are_the_same_however_many_follow(run_path: Path) -> None:
    alone, joined = {"train.n_heads": 2, "train.epochs": 4}, {**IN_THREE_GROUPS, "train.n_heads": 6}
    train(run_path, settings=alone)
    before = read_assignments(run_path / "assignments.h5")
    train(run_path, settings=joined)
    after = read_assignments(run_path / "assignments.h5")
    for split, labels in before.labels.items():
        np.testing.assert_array_equal(after.labels[split][:2], labels)
    np.testing.assert_array_equal(after.loss[:2], before.loss)


@pytest.mark.slow
@pytest.mark.usefixtures("always_saved", "never_settled")
@pytest.mark.parametrize("scales", [[2], [1, 3]])
@pytest.mark.parametrize(
    ("n_epochs", "told"), [(4, "epoch 4 of group 1"), (6, "epoch 2 of group 2")]
)
def test_a_training_killed_in_the_second_group_resumes_to_the_same_result(
    run_path: Path, lines: Lines, scales: list[int], n_epochs: int, told: str
) -> None:
    settings = {**IN_THREE_GROUPS, "train.scales": scales}
    train(run_path, settings=settings)
    uninterrupted = outcome_of(run_path)
    (run_path / "assignments.h5").unlink()
    stop_after(n_epochs, run_path, **settings)
    train(run_path, reporter=lines)
    assert lines.said[0] == f"train: resumes after {told}"
    assert outcome_of(run_path) == uninterrupted


@pytest.mark.usefixtures("always_saved", "soon_settled")
def test_a_settled_training_that_was_killed_trains_no_more_heads(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(run_path, settings=IN_THREE_GROUPS)
    uninterrupted = outcome_of(run_path)
    (run_path / "assignments.h5").unlink()
    with monkeypatch.context() as patched:
        patched.setattr("ucls.clustering.head_training.heads_metadata", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(run_path)
    train(run_path, reporter=lines)
    assert lines.said[0] == "train: resumes after epoch 4 of group 2"
    assert outcome_of(run_path) == uninterrupted


@pytest.fixture
def soon_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes any training stand still at its fourth look, after 8 of 40 epochs."""
    monkeypatch.setattr("ucls.training.standstill.MOVES_AT_MOST", 1.0)
    monkeypatch.setattr("ucls.training.standstill.SOONEST", 0.2)


@pytest.mark.usefixtures("soon_still")
def test_a_training_that_stands_still_stops_and_says_so(run_path: Path, lines: Lines) -> None:
    train(run_path, settings={"train.epochs": 40}, reporter=lines)
    assert lines.told[1:] == ["train: 6 heads, 8 of 40 epochs, standing still since"]
    assert epochs_of(run_path) == [list(range(1, 9))]
    assert Run(run_path).freshness.is_done("train")
    train(run_path, reporter=lines)
    assert lines.told[2:] == [SKIPPED]


@pytest.mark.slow
@pytest.mark.usefixtures("soon_still")
def test_without_early_stopping_it_goes_to_the_end(run_path: Path, lines: Lines) -> None:
    train(
        run_path,
        settings={"train.epochs": 40, "train.early_stopping": False},
        reporter=lines,
    )
    assert told_of(lines) == ["train: 6 heads, 40 of 40 epochs"]


@pytest.mark.usefixtures("soon_still")
def test_the_last_phase_of_uic_is_looked_at_on_its_own(run_path: Path, lines: Lines) -> None:
    settings = {"train.objective": "uic", "train.fixed_share": 0.5, "train.epochs": 40}
    train(run_path, settings=settings, reporter=lines)
    assert told_of(lines)[0] == "train: 6 heads, 22 of 40 epochs, standing still since"


@pytest.mark.slow
def test_each_group_goes_on_until_hardly_an_image_moves(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.runs.settling.SETTLED", 1.1)
    settings = {"train.epochs": 60, "train.n_heads": 4, "train.heads_at_once": 2}
    train(run_path, settings={**settings, "train.batch_size": 40}, reporter=lines)
    log, ends = log_of(run_path), [epochs[-1] for epochs in epochs_of(run_path)]
    still: dict[int, list[int]] = {0: [], 1: []}
    for record in log:
        if stands_still(record["moved"], progress=record["epoch"] / 60):
            still[record["group"]].append(record["epoch"])
    assert all(still[group] in ([], [end]) for group, end in enumerate(ends))
    assert all(still[group] for group, end in enumerate(ends) if end < 60)
    assert 30 <= min(ends) < 60
    shown = str(ends[0]) if ends[0] == ends[1] else f"{min(ends)} to {max(ends)}"
    assert f"train: 4 heads, {shown} of 60 epochs, standing still since" in lines.said


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.usefixtures("soon_still", "always_saved")
@pytest.mark.parametrize("epoch", [2, 8])
def test_a_resumed_training_stops_at_the_same_epoch(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    train(run_path, settings={"train.epochs": 40})
    uninterrupted = outcome_of(run_path)
    (run_path / "assignments.h5").unlink()
    with monkeypatch.context() as patched:
        if epoch == 8:
            patched.setattr("ucls.clustering.head_training.heads_metadata", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(run_path, reporter=StopAfter(2) if epoch == 2 else lines)
    lines.said.clear()
    train(run_path, reporter=lines)
    assert lines.told == [
        f"train: resumes after epoch {epoch}",
        "train: 6 heads, 8 of 40 epochs, standing still since",
    ]
    assert epochs_of(run_path) == [list(range(1, 9))]
    assert outcome_of(run_path) == uninterrupted


def test_collapsed_heads_are_named(run_path: Path, lines: Lines) -> None:
    """Without its entropy SCAN has a trivial solution: all images in one cluster."""
    settings = {"train.objective": "scan", "train.entropy_weight": 0, "train.epochs": 60}
    train(run_path, settings=settings, reporter=lines)
    labels = read_assignments(run_path / "assignments.h5").labels["train"]
    collapsed = [head for head in range(6) if len(np.unique(labels[head])) < 4]
    assert collapsed
    told = [f"head {head} fills {len(np.unique(labels[head]))} of 8 clusters" for head in collapsed]
    more = f" and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    assert f"collapsed: {', '.join(told[:MOST_NAMED])}{more}" in told_of(lines)[1]


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


@pytest.mark.slow
@pytest.mark.usefixtures("never_settled")
@pytest.mark.parametrize(
    ("objective", "scales", "components"),
    [("ucls", [1, 3], 3), ("ucls", [2], "all"), ("self-classifier", [1, 2], 5), ("uic", [2], 4),
     ("turtle", [1, 3], None)],
)  # fmt: skip
def test_heads_of_all_groups_label_as_they_did_in_training(
    run_path: Path, objective: str, scales: list[int], components: int | str | None
) -> None:
    settings: dict[str, Any] = {"train.objective": objective, "train.scales": scales}
    if components is not None:
        settings["train.components"] = components
    train(run_path, settings={**IN_THREE_GROUPS, **settings})
    tensors, metadata = read_tensors(run_path / "heads.safetensors")
    described, width = (
        json.loads(metadata["heads"]),
        9,
    )  # one more than the features, see `distance`
    if isinstance(components, int):
        assert tensors["axes"].shape == (9, width := components)
    assert ("axes" in tensors) == isinstance(components, int)
    assert (described["n_heads"], described["n_features"]) == (6, width)
    assignments = read_assignments(run_path / "assignments.h5")
    assert assignments.head_clusters.tolist() == [4 * scale for scale in scales for _ in range(6)]
    run = Run(run_path)
    with run.features("val") as cache:
        features = cache.read("cls")
    n_heads = 6 * len(scales)
    for chosen in (range(n_heads), [n_heads - 1, 3, 0]):
        heads = load_heads(run.folder, chosen)
        expected = assignments.labels["val"][list(chosen)]
        np.testing.assert_array_equal(heads.labels(heads.logits(features)), expected)


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


ON_DISK: dict[str, object] = {"features_in": "disk"}


def test_features_may_stay_on_disk(run_path: Path, lines: Lines) -> None:
    before = read_assignments(run_path / "assignments.h5")
    train(run_path, settings=ON_DISK, overwrite=True, reporter=lines)
    assert lines.said[0] == (
        "train: features stay on disk, as asked for; heads read what they see from 2 kB in the "
        "run folder, which go when they are trained"
    )
    after = read_assignments(run_path / "assignments.h5")
    np.testing.assert_allclose(after.loss, before.loss, rtol=0.02)
    assert np.mean(after.labels["train"] == before.labels["train"]) > 0.95
    assert not (run_path / "head-inputs.h5").exists()
    outcome = outcome_of(run_path)
    train(run_path, overwrite=True)
    assert outcome_of(run_path) == outcome


def test_where_features_are_does_not_make_another_run(run_path: Path, lines: Lines) -> None:
    train(run_path, settings=ON_DISK, reporter=lines)
    assert lines.said == [SKIPPED]


def test_few_free_bytes_leave_features_on_disk(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 120 images of 8 columns and a height, float32, take 4.3 kB.
    for free, is_told in ((8_000, True), (9_000, False)):
        monkeypatch.setattr("ucls.runs.room.available_memory", lambda free=free: free)
        lines.said.clear()
        train(run_path, overwrite=True, reporter=lines)
        told = "train: features stay on disk, as they would take 4 kB of memory, and 8 kB are free;"
        assert lines.said[0].startswith(told) == is_told


@pytest.mark.slow
@pytest.mark.usefixtures("always_saved")
@pytest.mark.parametrize("objective", ["ucls", "uic", "turtle"])
def test_a_training_from_disk_resumes_to_the_same_result(
    run_path: Path, lines: Lines, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(run_path, settings={**ON_DISK, "train.epochs": 6, "train.objective": objective})
    uninterrupted = outcome_of(run_path)
    (run_path / "assignments.h5").unlink()
    stop_after(2, run_path)
    inputs = (run_path / "head-inputs.h5").stat()
    monkeypatch.setattr("ucls.training.stored_inputs.write_head_inputs", interrupt)
    train(run_path, reporter=lines)
    assert inputs.st_size > 120 * 8 * 2
    assert re.fullmatch(r"train: resumes after epoch [12]", lines.said[1])
    assert outcome_of(run_path) == uninterrupted
    assert not (run_path / "head-inputs.h5").exists()
