import math
import subprocess
import sys
import warnings
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ucls.errors import UclsError, UsageError
from ucls.metrics.scores import clustering_accuracy
from ucls.neighbors.build import build_neighbors
from ucls.settings.config import Config, TrainConfig
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.settings.objectives import RECORDS, objective_names, special_settings
from ucls.training.trainer import HeadTrainer, Prediction, State, epoch_seed
from ucls.training.views import ViewKind
from ucls.types import NeighborGraph

CPU = torch.device("cpu")
CLUSTERS, HEADS, FEATURES, IMAGES = 4, 3, 8, 120
FACTS = DataFacts(
    n_images=IMAGES,
    n_features=FEATURES,
    n_clusters=CLUSTERS,
    backbone="features",
    device="cpu",
    fast_precision="float32",
)
SETTINGS: dict[str, Any] = {
    "n_heads": HEADS,
    "scales": (1,),
    "hidden_dim": 32,
    "bottleneck_dim": 16,
    "epochs": 12,
    "warmup_epochs": 2,
    "batch_size": 20,
    "learning_rate": 0.1,
    "teacher_momentum": 0.9,
    "n_smoothing": 2,
    "precision": "float32",
}

Features = npt.NDArray[np.float32]
Settings = Mapping[str, Any]


def config_of(objective: str) -> TrainConfig:
    heeded = {
        name: value
        for name, value in SETTINGS.items()
        if name not in special_settings() or name in RECORDS[objective].options
    }
    config = Config.model_validate({"train": {"objective": objective, **heeded}})
    return autoconfigure(config, FACTS).train


CONFIGS = {objective: config_of(objective) for objective in objective_names()}

STUDENTS: tuple[str, ...] = ("ucls", "temi", "scan")
"""Objectives with a student and a teacher."""
SOFT: Settings = {"prior": "soft", "prior_strength": 0.5}
SEVERAL_SIZES = [name for name in objective_names() if name != "uic"]
"""Objectives whose networks may have classifiers of several sizes."""

all_objectives = pytest.mark.parametrize("objective", objective_names())


def blobs(seed: int, n_images: int = IMAGES) -> tuple[Features, npt.NDArray[np.int64]]:
    """One tight ball of images around each of four random directions."""
    rng = np.random.default_rng(seed)
    centers, _ = np.linalg.qr(rng.normal(size=(FEATURES, FEATURES)))
    labels = np.arange(n_images) % CLUSTERS
    noise = 0.15 * rng.normal(size=(n_images, FEATURES))
    return (centers[labels] + noise).astype(np.float32), labels


def augmented(features: Features, seed: int = 0, n_views: int = 3) -> Features:
    """The features and views of them with noise, [V, N, D]."""
    noise = np.random.default_rng(seed).normal(size=(n_views, *features.shape))
    noise[0] = 0.0
    return (features + 0.1 * noise).astype(np.float32)


def trainer_of(
    features: Features,
    graph: NeighborGraph,
    objective: str = "ucls",
    *,
    seed: int = 0,
    spaces: tuple[int, ...] | None = None,
    **changes: Any,
) -> HeadTrainer:
    return HeadTrainer.on(
        features,
        graph,
        CONFIGS[objective].model_copy(update=changes),
        n_clusters=CLUSTERS,
        seed=seed,
        device=CPU,
        spaces=spaces,
    )


def new_trainer(
    objective: str = "ucls",
    *,
    seed: int = 0,
    data: int = 0,
    n_images: int = IMAGES,
    **changes: Any,
) -> HeadTrainer:
    features, _ = blobs(data, n_images)
    graph = build_neighbors(features, k=5, threshold=1.0)
    if changes.get("views") in ("augmented", "both"):
        features = augmented(features)
    return trainer_of(features, graph, objective, seed=seed, **changes)


def snapshot(trainer: HeadTrainer) -> State:
    return {name: tensor.clone() for name, tensor in trainer.state().items()}


def trained_for(trainer: HeadTrainer, epochs: int) -> HeadTrainer:
    for _ in range(epochs):
        trainer.train_epoch()
    return trainer


def equal(first: State, second: State) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def same_prediction(first: Prediction, second: Prediction) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


LEARNING: Mapping[str, Settings] = {
    "ucls": {},
    "temi": {
        "prior": "uniform",
        "n_smoothing": 4,
        "teacher_temperature": 0.05,
        "n_heads": 8,
        "epochs": 20,
    },
    "scan": {"learning_rate": 0.2, "n_heads": 8, "epochs": 20},
    "self-classifier": {"learning_rate": 0.05},
    "uic": {"learning_rate": 0.2, "epochs": 20},
    "c2bin": {"learning_rate": 0.3, "n_heads": 8},
    "turtle": {"learning_rate": 1.0, "batch_norm": True, "batch_size": 40, "epochs": 8},
}
"""With which each objective finds the blobs quickly."""


def accuracy_of_the_best_head(objective: str, seed: int, **changes: Any) -> float:
    features, labels = blobs(seed)
    trainer = new_trainer(objective, seed=seed, data=seed, **LEARNING[objective], **changes)
    trained_for(trainer, trainer.n_epochs)
    best = int(trainer.head_losses.argmin())
    return clustering_accuracy(labels, trainer.predict(features).labels[best])


@all_objectives
@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_finds_separable_blobs(objective: str, seed: int) -> None:
    assert accuracy_of_the_best_head(objective, seed) > 0.9


@pytest.mark.parametrize("objective", ["ucls", "self-classifier", "turtle"])
def test_finds_separable_blobs_in_bfloat16(objective: str) -> None:
    assert accuracy_of_the_best_head(objective, 0, precision="bfloat16") > 0.9


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
        "import sys; from tests.ucls.training.test_trainer import new_trainer\n"
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


OTHERS: dict[str, Any] = {
    "components": 5,
    "hidden_dim": 16,
    "bottleneck_dim": 8,
    "teacher_momentum": 0.5,
    "student_temperature": 0.2,
    "teacher_temperature": 0.05,
    "prior_strength": 0.9,
    "sinkhorn_iterations": 1,
    "n_smoothing": 1,
    "marginal_momentum": 0.5,
    "beta": 0.9,
    "cross_entropy": 0.25,
    "entropy_weight": 1.0,
    "n_views": 3,
    "column_temperature": 0.1,
    "fixed_share": 1.0,
    "contrast_temperature": 0.5,
    "cluster_weight": 0.5,
    "inner_steps": 3,
    "inner_learning_rate": 0.01,
}


def other_value(name: str, value: Any) -> Any:
    """Another value than an objective's own."""
    if isinstance(value, bool):
        return not value
    if name == "prior":
        return "none" if value == "uniform" else "uniform"
    return OTHERS[name]


@cache
def usual_state(objective: str, settings: tuple[tuple[str, Any], ...] = ()) -> State:
    return trained_for(new_trainer(objective, **dict(settings)), 3).trained_state()


def differ(first: State, second: State) -> bool:
    """Whether trained heads differ in shape or by more than rounding."""
    heads = [name for name in first if name.startswith("heads.")]
    if any(first[name].shape != second[name].shape for name in heads):
        return True
    return max(float((first[name] - second[name]).abs().max()) for name in heads) > 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "name"),
    [(objective, name) for objective in objective_names() for name in RECORDS[objective].options],
)
def test_every_setting_that_an_objective_heeds_changes_its_training(
    objective: str, name: str
) -> None:
    usual: dict[str, Any] = {
        "prior_strength": SOFT,
        "sinkhorn_iterations": {"prior": "uniform"},
    }.get(name, {})
    changes = {**usual, name: other_value(name, RECORDS[objective].options[name])}
    switched = trained_for(new_trainer(objective, **changes), 3)
    assert differ(usual_state(objective, tuple(usual.items())), switched.trained_state())


@pytest.mark.slow
@all_objectives
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_norm", None),
        ("views", None),
        ("weight_decay", 0.5),
        ("precision", "bfloat16"),
        ("learning_rate", 0.2),
        ("final_learning_rate", 1.0),
        ("warmup_epochs", 0),
        ("batch_size", 24),
    ],
)
def test_every_switch_of_the_loop_changes_the_training(
    objective: str, name: str, value: Any
) -> None:
    config = CONFIGS[objective]
    opposite = {
        "batch_norm": not config.batch_norm,
        "views": "itself" if config.views == "neighbor" else "neighbor",
    }
    switched = trained_for(new_trainer(objective, **{name: opposite.get(name, value)}), 3)
    assert differ(usual_state(objective), switched.trained_state())


@pytest.mark.parametrize("objective", STUDENTS)
def test_student_and_teacher_start_equal_and_part(objective: str) -> None:
    trainer = new_trainer(objective)
    student, teacher = trainer.objective.student, trainer.objective.teacher
    for learns, follows in zip(student.parameters(), teacher.parameters(), strict=True):
        assert torch.equal(learns, follows)
        assert not follows.requires_grad
    trainer.train_epoch()
    assert not torch.equal(student.direction, teacher.direction)
    assert trainer.objective.heads is teacher


@pytest.mark.parametrize("objective", STUDENTS)
def test_the_teacher_is_the_moving_average_of_the_student(objective: str) -> None:
    trainer = new_trainer(objective, teacher_momentum=0.75)
    student, teacher = trainer.objective.student, trainer.objective.teacher
    student.direction.data += 1.0
    before = teacher.direction.clone()
    trainer.step(torch.arange(20), 0, torch.Generator().manual_seed(0))
    expected = 0.75 * before + 0.25 * student.direction
    torch.testing.assert_close(teacher.direction, expected)


@pytest.mark.parametrize("objective", STUDENTS)
def test_without_momentum_the_teacher_is_the_student(objective: str) -> None:
    trainer = trained_for(new_trainer(objective, teacher_momentum=0.0), 1)
    student, teacher = trainer.objective.student, trainer.objective.teacher
    for learns, follows in zip(student.parameters(), teacher.parameters(), strict=True):
        assert torch.equal(learns, follows)


@all_objectives
@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_batch_norm_is_saved_where_there_is_one(objective: str, batch_norm: bool) -> None:
    names = new_trainer(objective, batch_norm=batch_norm).trained_state()
    assert any(name.startswith("batch_norm.") for name in names) == batch_norm


@all_objectives
def test_fewer_images_than_a_batch(objective: str) -> None:
    trainer = new_trainer(objective, n_images=9, batch_size=64)
    record = trainer.train_epoch()
    assert (trainer.batch_size, trainer.steps_per_epoch) == (9, 1)
    assert math.isfinite(record.loss)
    assert trainer.learning_rate(2 * trainer.steps_per_epoch) == pytest.approx(0.1 * 9 / 256)


@all_objectives
def test_an_epoch_goes_once_through_the_images_and_tells_of_each_batch(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, seen, told = new_trainer(objective), [], []
    step = trainer.step

    def spy(rows: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
        seen.append(rows)
        return step(rows, *rest, **options)

    monkeypatch.setattr(trainer, "step", spy)
    for _ in range(2):
        trainer.train_epoch(lambda amount=1, /, **_: told.append(amount))
    first, second = torch.cat(seen[:6], dim=-1), torch.cat(seen[6:], dim=-1)
    assert not torch.equal(first, second)
    assert told == [20] * 12
    if objective == "uic":
        assert first.shape == second.shape == (HEADS, IMAGES)
        assert not torch.equal(first[0], first[1])
    else:
        assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(IMAGES))


@all_objectives
def test_the_record_of_an_epoch(objective: str) -> None:
    trainer = new_trainer(objective)
    records = [trainer.train_epoch() for _ in range(2)]
    assert [record.epoch for record in records] == [1, 2]
    for record in records:
        assert len(record.head_losses) == HEADS
        assert record.loss == pytest.approx(np.mean(record.head_losses))
        assert record.images_per_second == pytest.approx(IMAGES / record.seconds)
    assert records[1].head_losses == trainer.head_losses.tolist()
    assert records[1].learning_rate == trainer.learning_rate(2 * trainer.steps_per_epoch - 1)


@pytest.mark.parametrize(
    ("objective", "scales"),
    [*((name, (1,)) for name in objective_names()), *((name, (1, 3)) for name in SEVERAL_SIZES)],
)
def test_a_record_says_how_many_images_moved(objective: str, scales: tuple[float, ...]) -> None:
    features, _ = blobs(0)
    trainer = new_trainer(objective, scales=scales)
    assert trainer.train_epoch().moved is None
    before = trainer.predict(features).labels
    record = trainer.train_epoch()
    moved = (before != trainer.predict(features).labels).mean()
    assert record.moved == pytest.approx(moved)
    assert 0.0 <= moved <= 1.0


def test_the_heads_are_looked_at_every_few_epochs_and_at_the_end() -> None:
    trainer = new_trainer(epochs=61, n_heads=1, n_images=20, hidden_dim=4, bottleneck_dim=4)
    records = [trainer.train_epoch() for _ in range(61)]
    looked = [record.epoch for record in records if record.collapsed is not None]
    assert looked == [*range(4, 61, 4), 61]
    assert [record.epoch for record in records if record.moved is not None] == looked[1:]


def test_a_sample_of_the_images_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ucls.training.trainer.SAMPLE", 50)
    features, _ = blobs(0)
    trainer, again, other = (new_trainer(seed=seed, learning_rate=1e-6) for seed in (0, 0, 1))
    assert len(trainer.sample.unique()) == len(trainer.sample) == 50
    assert torch.equal(trainer.sample, again.sample)
    assert not torch.equal(trainer.sample, other.sample)
    trained_for(trainer, 1)
    np.testing.assert_array_equal(trainer.seen, trainer.predict(features).labels[:, trainer.sample])


@torch.no_grad()
def collapse(trainer: HeadTrainer, head: int) -> None:
    """Makes a head see one cluster in all images."""
    for name, tensor in trainer.state().items():
        if name.endswith("bottleneck_bias"):
            tensor[head] = 1e3
        elif name == "objective.encoder.bias.0":
            tensor[head * CLUSTERS] = 40.0


@pytest.mark.parametrize("objective", ["ucls", "self-classifier", "turtle"])
@pytest.mark.parametrize("head", range(HEADS))
def test_a_head_that_has_collapsed_is_named(objective: str, head: int) -> None:
    trainer = new_trainer(objective, learning_rate=1e-6)
    collapse(trainer, head)
    record = trainer.train_epoch()
    assert record.collapsed == {head: "fills 1 of 4 clusters"}


def test_heads_that_have_found_the_blobs_have_not_collapsed() -> None:
    assert trained_for(new_trainer(), 11).train_epoch().collapsed == {}


def test_the_learning_rate_warms_up_and_falls_by_a_cosine() -> None:
    trainer = new_trainer(final_learning_rate=0.01)
    peak, final, steps = 0.1 * 20 / 256, 0.01 * 20 / 256, trainer.steps_per_epoch
    assert trainer.learning_rate(0) == pytest.approx(peak / (2 * steps))
    assert trainer.learning_rate(2 * steps - 1) == pytest.approx(peak)
    assert trainer.learning_rate(7 * steps) == pytest.approx((peak + final) / 2)
    last = trainer.learning_rate(12 * steps - 1)
    assert final < last < final + 0.001 * peak
    falling = [trainer.learning_rate(step) for step in range(2 * steps, 12 * steps)]
    assert all(a > b for a, b in pairwise(falling))


@all_objectives
def test_biases_do_not_decay(objective: str) -> None:
    trainer = new_trainer(objective, weight_decay=0.5)
    heads = trainer.objective
    learning = [*heads.weights(), *heads.biases()]
    with torch.no_grad():
        for parameter in learning:
            parameter.fill_(1.0)
            parameter.grad = torch.zeros_like(parameter)
    trainer.optimizer.learning_rate = 0.1
    trainer.optimizer.step()
    assert all(torch.equal(bias, torch.ones_like(bias)) for bias in heads.biases())
    for weight in heads.weights():
        torch.testing.assert_close(weight.detach(), torch.full_like(weight, 0.95))


@all_objectives
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_loss_that_is_not_finite_stops_the_training(objective: str, precision: str) -> None:
    trainer = new_trainer(objective, learning_rate=1e38, precision=precision)
    expected = r"no longer finite in epoch \d+; lower train\.learning_rate"
    with pytest.raises(UclsError, match=expected):
        trained_for(trainer, 3)


TEMPERATURES = ("student_temperature", "teacher_temperature", "column_temperature")


@pytest.mark.parametrize("objective", [name for name in objective_names() if name != "turtle"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("temperature", [pytest.param(0.02, marks=pytest.mark.slow), 0.005])
def test_losses_stay_finite_at_low_temperatures(
    objective: str, precision: str, temperature: float
) -> None:
    heeded = {name: temperature for name in TEMPERATURES if name in RECORDS[objective].options}
    assert heeded
    trainer = new_trainer(objective, precision=precision, epochs=4, warmup_epochs=1, **heeded)
    trained_for(trainer, 4)
    assert all(value.isfinite().all() for value in trainer.state().values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_losses_stay_finite_where_the_teacher_leaves_clusters_out(precision: str) -> None:
    changes = {"prior": "none", "teacher_temperature": 0.005, "marginal_momentum": 0.0}
    trainer = trained_for(new_trainer("temi", precision=precision, **changes), 3)
    assert trainer.head_losses.isfinite().all()


@all_objectives
@pytest.mark.parametrize("exponent", [-110, 110])
@pytest.mark.parametrize("batch_norm", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_scale_of_the_features_does_not_matter(
    objective: str, exponent: int, batch_norm: bool
) -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    sized = np.ldexp(features, exponent)  # loses nothing
    trainers = [
        trained_for(trainer_of(x, graph, objective, batch_norm=batch_norm), 2)
        for x in (features, sized)
    ]
    assert trainers[1].data.inputs.scale == np.ldexp(trainers[0].data.inputs.scale, -exponent)
    assert torch.equal(trainers[0].head_losses, trainers[1].head_losses)
    first, second = (t.predict(x) for t, x in zip(trainers, (features, sized), strict=True))
    np.testing.assert_array_equal(first.labels, second.labels)


def test_the_callers_features_stay_as_they_are() -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    features.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained_for(trainer_of(features, graph), 1)


@all_objectives
@pytest.mark.parametrize("seed", range(2))
def test_predictions_are_those_of_the_heads(objective: str, seed: int) -> None:
    trainer = trained_for(new_trainer(objective, seed=seed, batch_norm=True), 1)
    features, _ = blobs(seed + 5, 30)
    prediction = trainer.predict(features)
    assert prediction.labels.dtype == np.int32
    assert prediction.confidence.dtype == np.float16
    state = trainer.trained_state()
    scaled = torch.from_numpy(features * trainer.data.inputs.scale)
    normalized = (scaled - state["batch_norm.running_mean"]) / torch.sqrt(
        state["batch_norm.running_var"] + 1e-5
    )
    temperature = {
        **dict.fromkeys(STUDENTS, CONFIGS["ucls"].teacher_temperature),
        "turtle": 1.0,
    }.get(objective, CONFIGS[objective].student_temperature)
    heads = trainer.objective.heads.eval()
    probs = (heads(normalized) / temperature).softmax(dim=-1)
    np.testing.assert_array_equal(prediction.labels, probs.argmax(dim=-1))
    np.testing.assert_allclose(prediction.confidence, probs.amax(dim=-1).detach(), atol=2e-3)


@pytest.mark.parametrize("components", [4, "all"])
def test_its_own_images_are_labelled_as_their_features(components: int | str) -> None:
    features, _ = blobs(0)
    trainer = trained_for(new_trainer(components=components), 2)
    own, expected = trainer.predict_own(), trainer.predict(features)
    np.testing.assert_array_equal(own.labels, expected.labels)
    np.testing.assert_allclose(own.confidence, expected.confidence, atol=1e-3)


@all_objectives
def test_predictions_do_not_depend_on_the_chunk(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, (features, _) = trained_for(new_trainer(objective), 1), blobs(1)
    whole = trainer.predict(features)
    monkeypatch.setattr("ucls.training.trainer.CHUNK", 7)
    parts = trainer.predict(features)
    np.testing.assert_array_equal(whole.labels, parts.labels)
    np.testing.assert_allclose(whole.confidence, parts.confidence, atol=2e-3)


@pytest.mark.parametrize("objective", SEVERAL_SIZES)
def test_networks_with_classifiers_of_several_sizes(objective: str) -> None:
    features, _ = blobs(0)
    trainer = new_trainer(objective, scales=(1, 3))
    assert trainer.head_clusters == [4, 4, 4, 12, 12, 12]
    assert trainer.n_all_heads == len(trainer.train_epoch().head_losses) == 6
    labels, confidence = trainer.predict(features)
    assert labels.shape == confidence.shape == (6, IMAGES)
    assert labels.min() >= 0
    assert labels[:3].max() < 4 <= labels[3:].max() < 12
    logits = trainer.objective.heads.eval()(trainer.data.stored[0])
    np.testing.assert_array_equal(labels[:3], logits[..., :4].argmax(dim=-1))
    np.testing.assert_array_equal(labels[3:], logits[..., 4:].argmax(dim=-1))


@pytest.mark.parametrize("objective", SEVERAL_SIZES)
def test_what_an_objective_may_know_before_an_epoch(objective: str) -> None:
    trainer, generator = new_trainer(objective, scales=(1, 3)), torch.Generator()
    for epoch in range(2):
        described = trainer.describe_epoch(generator)
        assert described.n_images == IMAGES
        assert described.progress == pytest.approx(epoch / 12)
        assert described.generator is generator
        labels = described.predict()
        assert labels.dtype == torch.int64
        np.testing.assert_array_equal(labels, trainer.predict(blobs(0)[0]).labels[:HEADS])
        trainer.train_epoch()


@all_objectives
@pytest.mark.parametrize("scale", [1, 1.5, 3])
def test_heads_may_have_more_clusters_than_wanted(objective: str, scale: float) -> None:
    trainer = trained_for(new_trainer(objective, scales=(scale,)), 1)
    assert trainer.head_clusters == [round(scale * CLUSTERS)] * HEADS
    labels = trainer.predict(blobs(0)[0]).labels
    assert 0 <= labels.min() <= labels.max() < round(scale * CLUSTERS)
    assert trainer.head_losses.shape == (HEADS,)


@all_objectives
@pytest.mark.parametrize("views", get_args(ViewKind))
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_objective_takes_every_kind_of_views(
    objective: str, views: ViewKind, precision: str
) -> None:
    trainer = new_trainer(objective, views=views, precision=precision)
    assert trained_for(trainer, 1).head_losses.isfinite().all()


@all_objectives
@pytest.mark.parametrize("views", ["augmented", "both"])
def test_augmented_views_have_to_be_there(objective: str, views: ViewKind) -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    for plain in (features, features[None]):
        with pytest.raises(UsageError, match=f"train.views is {views}, but no augmented views"):
            trainer_of(plain, graph, objective, views=views)
    assert trainer_of(augmented(features), graph, objective, views=views).n_all_heads == HEADS


@pytest.mark.parametrize("views", ["neighbor", "itself"])
def test_augmented_views_do_not_matter_where_partners_are_plain(views: ViewKind) -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    first, second = (
        trained_for(trainer_of(x, graph, views=views), 2) for x in (features, augmented(features))
    )
    assert equal(first.state(), second.state())


@pytest.mark.parametrize("views", ["augmented", "both"])
def test_partners_are_taken_from_the_augmented_views(views: ViewKind) -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    first, again, other = (
        trained_for(trainer_of(augmented(features, seed), graph, views=views), 2)
        for seed in (0, 0, 1)
    )
    assert equal(first.state(), again.state())
    assert differ(first.trained_state(), other.trained_state())


@pytest.mark.parametrize(
    ("views", "neighbors_matter"),
    [("neighbor", True), ("both", True), ("augmented", False), ("itself", False)],
)
def test_the_graph_matters_where_partners_are_neighbors(
    views: ViewKind, neighbors_matter: bool
) -> None:
    features, _ = blobs(0)
    near, far = (build_neighbors(features, k=k, threshold=1.0) for k in (5, 50))
    first, second = (
        trained_for(trainer_of(augmented(features), graph, views=views), 2) for graph in (near, far)
    )
    assert differ(first.trained_state(), second.trained_state()) == neighbors_matter


def test_augmented_views_that_are_copies_are_the_image_itself() -> None:
    features, _ = blobs(0)
    graph, copies = build_neighbors(features, k=5, threshold=1.0), np.stack([features] * 3)
    first, second = (
        trained_for(trainer_of(copies, graph, views=views), 2) for views in ("augmented", "itself")
    )
    assert equal(first.state(), second.state())


def test_feature_spaces_reach_the_heads() -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    one, two = (trainer_of(features, graph, "turtle", spaces=s) for s in (None, (3, 5)))
    assert (one.objective.heads.spaces, two.objective.heads.spaces) == ((8,), (3, 5))
    assert trained_for(two, 1).head_losses.isfinite().all()
    few = trainer_of(features, graph, "turtle", spaces=(3, 5), components=4)
    assert few.objective.heads.spaces == (4,)
    assert trained_for(few, 1).head_losses.isfinite().all()


def test_epochs_and_runs_have_seeds_of_their_own() -> None:
    seeds = {epoch_seed(seed, epoch) for seed in range(20) for epoch in range(20)}
    assert len(seeds) == 400
    assert epoch_seed(1, 2) == epoch_seed(1, 2)


def test_open_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="pass them through autoconfigure first"):
        new_trainer(n_heads=None)


def test_a_graph_of_other_images_is_refused() -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features[:-1], k=5, threshold=1.0)
    with pytest.raises(UsageError, match="graph is of 119 images, but there are features of 120"):
        trainer_of(features, graph)
    with pytest.raises(UsageError, match="graph is of 119 images, but there are features of 120"):
        trainer_of(augmented(features), graph, views="augmented")
