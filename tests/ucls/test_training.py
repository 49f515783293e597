import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ucls.config import TrainConfig
from ucls.errors import UclsError, UsageError
from ucls.metrics import clustering_accuracy
from ucls.neighbors import build_neighbors
from ucls.training import HeadTrainer, Prediction, State, epoch_seed, new_optimizer

CPU = torch.device("cpu")
CLUSTERS, HEADS, FEATURES, IMAGES = 4, 3, 8, 120
CONFIG = TrainConfig(
    n_heads=HEADS,
    hidden_dim=32,
    bottleneck_dim=16,
    epochs=12,
    warmup_epochs=2,
    batch_size=20,
    learning_rate=0.1,
    teacher_momentum=0.9,
    n_smoothing=2,
    precision="float32",
)

Features = npt.NDArray[np.float32]


def blobs(seed: int, n_images: int = IMAGES) -> tuple[Features, npt.NDArray[np.int64]]:
    """One tight ball of images around each of four random directions."""
    rng = np.random.default_rng(seed)
    centers, _ = np.linalg.qr(rng.normal(size=(FEATURES, FEATURES)))
    labels = np.arange(n_images) % CLUSTERS
    noise = 0.15 * rng.normal(size=(n_images, FEATURES))
    return (centers[labels] + noise).astype(np.float32), labels


def new_trainer(
    *, seed: int = 0, data: int = 0, n_images: int = IMAGES, **changes: Any
) -> HeadTrainer:
    features, _ = blobs(data, n_images)
    return HeadTrainer(
        features,
        build_neighbors(features, k=5, threshold=1.0),
        CONFIG.model_copy(update=changes),
        n_clusters=CLUSTERS,
        seed=seed,
        device=CPU,
    )


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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_finds_separable_blobs(seed: int, precision: str) -> None:
    features, labels = blobs(seed)
    trainer = trained_for(new_trainer(seed=seed, data=seed, precision=precision), 12)
    best = int(trainer.head_losses.argmin())
    assert clustering_accuracy(labels, trainer.predict(features).labels[best]) > 0.95


def test_same_seed_twice_is_bitwise_equal_and_another_seed_is_not() -> None:
    first, again, other = (trained_for(new_trainer(seed=seed), 2) for seed in (3, 3, 4))
    assert equal(first.state(), again.state())
    features, _ = blobs(0)
    assert same_prediction(first.predict(features), again.predict(features))
    assert first.head_losses.tolist() != other.head_losses.tolist()
    assert not torch.equal(first.state()["teacher.direction"], other.state()["teacher.direction"])


@pytest.mark.parametrize(
    "changes",
    [{}, {"batch_norm": False}, {"precision": "bfloat16"}, {"symmetric": True}],
    ids=str,
)
def test_a_resumed_training_equals_an_uninterrupted_one(changes: dict[str, Any]) -> None:
    whole = trained_for(new_trainer(**changes), 2)
    saved = snapshot(whole)
    unchanged = {name: tensor.clone() for name, tensor in saved.items()}
    resumed = new_trainer(**changes)
    resumed.load_state(saved)
    assert resumed.epoch == 2
    assert torch.equal(resumed.head_losses, whole.head_losses)
    for _ in range(2):
        record, expected = resumed.train_epoch(), whole.train_epoch()
        timed = {"seconds": 0.0, "images_per_second": 0.0}
        assert record._replace(**timed) == expected._replace(**timed)
    assert equal(resumed.state(), whole.state())
    assert equal(saved, unchanged), "the training has changed the state that it was given"
    features, _ = blobs(0)
    assert same_prediction(resumed.predict(features), whole.predict(features))


def test_predicting_between_epochs_changes_nothing() -> None:
    features, _ = blobs(0)
    plain, watched = new_trainer(), new_trainer()
    for _ in range(2):
        plain.train_epoch()
        watched.train_epoch()
        watched.predict(features)
    assert equal(plain.state(), watched.state())


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_norm": False},
        {"sinkhorn_iterations": 0},
        {"symmetric": True},
        {"cross_entropy": 0.0},
        {"n_smoothing": 1},
        {"instance_weights": False},
        {"teacher_momentum": 0.5},
        {"weight_decay": 0.5},
        {"precision": "bfloat16"},
        {"final_learning_rate": 0.05},
    ],
    ids=str,
)
def test_every_switch_changes_the_training(changes: dict[str, Any]) -> None:
    usual, switched = (trained_for(new_trainer(**c), 3) for c in ({}, changes))
    name = "student.direction"
    difference = (usual.state()[name] - switched.state()[name]).abs().max()
    assert difference > 1e-5


def test_student_and_teacher_start_equal_and_part() -> None:
    trainer = new_trainer()
    for student, teacher in zip(
        trainer.student.parameters(), trainer.teacher.parameters(), strict=True
    ):
        assert torch.equal(student, teacher)
        assert not teacher.requires_grad
    trainer.train_epoch()
    assert not torch.equal(trainer.student.direction, trainer.teacher.direction)


def test_the_teacher_is_the_moving_average_of_the_student() -> None:
    trainer = new_trainer(teacher_momentum=0.75)
    trainer.student.direction.data += 1.0
    before = trainer.teacher.direction.clone()
    trainer.step(torch.arange(20), 0, torch.Generator().manual_seed(0))
    expected = 0.75 * before + 0.25 * trainer.student.direction
    torch.testing.assert_close(trainer.teacher.direction, expected)


def test_without_momentum_the_teacher_is_the_student() -> None:
    trainer = trained_for(new_trainer(teacher_momentum=0.0), 1)
    state = trainer.state()
    for name in (name for name in state if name.startswith("teacher.")):
        assert torch.equal(state[name], state[name.replace("teacher", "student")])


def test_batch_norm_standardises_what_the_heads_see() -> None:
    features, _ = blobs(0)
    shift = np.linspace(-4, 4, FEATURES, dtype=np.float32)
    size = np.logspace(-0.5, 1, FEATURES, dtype=np.float32)
    graph = build_neighbors(features, k=5, threshold=1.0)
    losses = []
    for x in (features, features * size + shift):
        trainer = HeadTrainer(x, graph, CONFIG, n_clusters=CLUSTERS, seed=0, device=CPU)
        losses.append(trainer.train_epoch().loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
    assert any(name.startswith("batch_norm.") for name in trainer.trained_state())
    bare = new_trainer(batch_norm=False)
    assert not any(name.startswith("batch_norm.") for name in bare.trained_state())


def test_fewer_images_than_a_batch() -> None:
    trainer = new_trainer(n_images=9, batch_size=64)
    record = trainer.train_epoch()
    assert (trainer.batch_size, trainer.steps_per_epoch) == (9, 1)
    assert math.isfinite(record.loss)
    assert trainer.learning_rate(trainer.steps_per_epoch) == pytest.approx(0.1 * 9 / 256)


def test_an_epoch_sees_every_image_once_and_tells_of_each_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer, seen, told = new_trainer(), [], []
    step = trainer.step

    def spy(rows: torch.Tensor, *rest: Any) -> torch.Tensor:
        seen.append(rows.tolist())
        return step(rows, *rest)

    monkeypatch.setattr(trainer, "step", spy)
    for _ in range(2):
        trainer.train_epoch(lambda amount=1, /, **_: told.append(amount))
    first, second = np.ravel(seen[:6]).tolist(), np.ravel(seen[6:]).tolist()
    assert sorted(first) == sorted(second) == list(range(IMAGES))
    assert first != second
    assert told == [20] * 12


def test_the_record_of_an_epoch() -> None:
    trainer = new_trainer()
    records = [trainer.train_epoch() for _ in range(2)]
    assert [record.epoch for record in records] == [1, 2]
    for record in records:
        assert len(record.head_losses) == HEADS
        assert record.loss == pytest.approx(np.mean(record.head_losses))
        assert record.images_per_second == pytest.approx(IMAGES / record.seconds)
    assert records[1].head_losses == trainer.head_losses.tolist()
    assert records[1].learning_rate == trainer.learning_rate(2 * trainer.steps_per_epoch - 1)


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


def test_biases_do_not_decay() -> None:
    heads = new_trainer().student
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.fill_(1.0)
            parameter.grad = torch.zeros_like(parameter)
    optimizer = new_optimizer(heads, weight_decay=0.5)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    optimizer.step()
    assert all(torch.equal(bias, torch.ones_like(bias)) for bias in heads.biases())
    for weight in heads.weights():
        torch.testing.assert_close(weight.detach(), torch.full_like(weight, 0.95))


def test_a_loss_that_is_not_finite_stops_the_training() -> None:
    trainer = new_trainer(learning_rate=1e38)
    expected = r"no longer finite in epoch \d+; lower train\.learning_rate"
    with pytest.raises(UclsError, match=expected):
        trained_for(trainer, 3)


@pytest.mark.parametrize("seed", range(2))
def test_predictions_are_the_teachers(seed: int) -> None:
    trainer = trained_for(new_trainer(seed=seed), 1)
    features, _ = blobs(seed + 5, 30)
    prediction = trainer.predict(features)
    assert prediction.labels.dtype == np.int32
    assert prediction.confidence.dtype == np.float16
    state = trainer.trained_state()
    normalized = (torch.from_numpy(features) - state["batch_norm.running_mean"]) / torch.sqrt(
        state["batch_norm.running_var"] + 1e-5
    )
    probs = (trainer.teacher(normalized) / CONFIG.teacher_temperature).softmax(dim=-1)
    np.testing.assert_array_equal(prediction.labels, probs.argmax(dim=-1))
    np.testing.assert_allclose(prediction.confidence, probs.amax(dim=-1).detach(), atol=2e-3)


def test_predictions_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, (features, _) = trained_for(new_trainer(), 1), blobs(1)
    whole = trainer.predict(features)
    monkeypatch.setattr("ucls.training.PREDICTION_CHUNK", 7)
    parts = trainer.predict(features)
    np.testing.assert_array_equal(whole.labels, parts.labels)
    np.testing.assert_allclose(whole.confidence, parts.confidence, atol=2e-3)


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
        HeadTrainer(features, graph, CONFIG, n_clusters=CLUSTERS, seed=0, device=CPU)
