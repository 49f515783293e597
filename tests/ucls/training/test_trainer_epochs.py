import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from tests.ucls.training.trainers import (
    CLUSTERS,
    HEADS,
    IMAGES,
    SEVERAL_SIZES,
    all_objectives,
    blobs,
    new_trainer,
    trained_for,
)
from ucls.errors import UclsError
from ucls.settings.objectives import objective_names
from ucls.training.trainer import HeadTrainer, epoch_seed


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


def test_epochs_and_runs_have_seeds_of_their_own() -> None:
    seeds = {epoch_seed(seed, epoch) for seed in range(20) for epoch in range(20)}
    assert len(seeds) == 400
    assert epoch_seed(1, 2) == epoch_seed(1, 2)
