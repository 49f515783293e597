import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.ucls.training.trainers import (
    HEADS,
    SOFT,
    STUDENTS,
    Settings,
    all_objectives,
    blobs,
    equal,
    new_trainer,
    same_prediction,
    snapshot,
    trained_for,
)
from ucls.settings.objectives import objective_names


@pytest.mark.parametrize(
    ("objective", "changes"),
    [*((name, {}) for name in objective_names()), ("ucls", SOFT)],
    ids=str,
)
def test_same_seed_twice_is_bitwise_equal_and_another_seed_is_not(
    objective: str, changes: Settings
) -> None:
    first, again, other = (
        trained_for(new_trainer(objective, seed=seed, **changes), 2) for seed in (3, 3, 4)
    )
    assert equal(first.state(), again.state())
    features, _ = blobs(0)
    assert same_prediction(first.predict(features), again.predict(features))
    assert first.head_losses.tolist() != other.head_losses.tolist()
    for parameter, another in zip(
        first.objective.weights(), other.objective.weights(), strict=True
    ):
        assert not torch.equal(parameter, another)


@pytest.mark.parametrize(
    ("objective", "epochs", "changes"),
    [
        *((objective, 2, {}) for objective in objective_names()),
        ("ucls", 2, {"batch_norm": False}),
        ("ucls", 2, {"precision": "bfloat16"}),
        ("ucls", 2, {"symmetric": True}),
        ("ucls", 2, {"scales": (1, 3)}),
        *((objective, 2, {**SOFT, "scales": (1, 3)}) for objective in STUDENTS),
        ("ucls", 2, {"views": "both"}),
        ("self-classifier", 2, {"learnable_classifier": False, "scales": (1, 3)}),
        ("c2bin", 2, {"scales": (1, 3), "precision": "bfloat16"}),
        ("turtle", 2, {"batch_norm": True, "spaces": (3, 5)}),
        *(("uic", epochs, {"epochs": 6, "fixed_share": 0.5}) for epochs in (1, 2, 3, 4)),
    ],
    ids=str,
)
def test_a_resumed_training_equals_an_uninterrupted_one(
    objective: str, epochs: int, changes: Settings
) -> None:
    whole = trained_for(new_trainer(objective, **changes), epochs)
    saved = snapshot(whole)
    unchanged = {name: tensor.clone() for name, tensor in saved.items()}
    resumed = new_trainer(objective, **changes)
    resumed.load_state(saved)
    assert resumed.epoch == epochs
    assert torch.equal(resumed.head_losses, whole.head_losses)
    for _ in range(2):
        record, expected = resumed.train_epoch(), whole.train_epoch()
        timed = {"seconds": 0.0, "images_per_second": 0.0}
        assert record._replace(**timed) == expected._replace(**timed)
    assert equal(resumed.state(), whole.state())
    assert equal(saved, unchanged), "the training has changed the state that it was given"
    features, _ = blobs(0)
    assert same_prediction(resumed.predict(features), whole.predict(features))


def test_the_labels_of_uics_last_phase_are_saved() -> None:
    trainer = trained_for(new_trainer("uic", epochs=6, fixed_share=0.5), 3)
    assert not trainer.state()["objective.is_fixed"]
    fixed = snapshot(trained_for(trainer, 1))
    assert fixed["objective.is_fixed"]
    last = trained_for(trainer, 2).state()
    assert torch.equal(fixed["objective.labels"], last["objective.labels"])


@all_objectives
def test_predicting_between_epochs_changes_nothing(objective: str) -> None:
    features, _ = blobs(0)
    plain, watched = new_trainer(objective), new_trainer(objective)
    for _ in range(2):
        plain.train_epoch()
        watched.predict(features)
        watched.train_epoch()
        watched.predict(features)
    assert equal(plain.state(), watched.state())


@pytest.mark.parametrize(("entries_per_thread", "n_threads"), [(2**30, 1), (1, 2)])
def test_steps_take_the_threads_that_they_keep_busy(
    entries_per_thread: int, n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.devices.ENTRIES_PER_THREAD", entries_per_thread)
    found, before = [], torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        new_trainer().train_epoch(lambda _: found.append(torch.get_num_threads()))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(found) == {n_threads}


@pytest.mark.slow
def test_a_training_does_not_load_the_compiler() -> None:
    program = (
        "import sys; from tests.ucls.training.trainers import new_trainer\n"
        "new_trainer().train_epoch(); sys.exit('torch._dynamo' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, check=False, cwd=Path(__file__).parents[3]).returncode == 0


def test_the_names_of_what_is_saved() -> None:
    trainer = trained_for(new_trainer(scales=(1, 3)), 1)
    state, trained = trainer.state(), trainer.trained_state()
    heads = set(trainer.objective.heads.state_dict())
    assert {name for name in trained if name.startswith("heads.")} == {f"heads.{n}" for n in heads}
    assert {name.partition(".")[0] for name in trained} == {"heads", "batch_norm"}
    assert "axes" in trained_for(new_trainer(components=3), 1).trained_state()
    for name in heads:
        assert f"objective.student.{name}" in state
        assert torch.equal(state[f"objective.teacher.{name}"], trained[f"heads.{name}"])
    for i, n_clusters in enumerate((4, 12)):
        assert state[f"objective.losses.{i}.marginal"].shape == (HEADS, n_clusters)
    parts = {"objective", "optimizer", "epoch", "head_losses", "seen"}
    assert {name.partition(".")[0] for name in state} == parts
    assert int(state["epoch"]) == 1
