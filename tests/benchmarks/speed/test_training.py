import numpy as np
import pytest
import torch

from benchmarks.speed.measurement import Size
from benchmarks.speed.training import (
    fitted_config,
    random_inputs,
    simulated_inputs,
    step_taker,
    ucls_config,
)
from ucls.training.trainer import HeadTrainer

SIZE = Size(256, 4, n_heads=2, n_features=64)


def test_settings_are_those_of_the_objective():
    config = ucls_config(SIZE, precision="bfloat16", epochs=7, hidden_dim=16)
    assert (config.objective, config.prior, config.symmetric) == ("ucls", "uniform", False)
    assert (config.epochs, config.precision, config.scales) == (7, "bfloat16", (1.0,))
    assert (config.n_heads, config.batch_size, config.hidden_dim) == (2, 1024, 16)
    other = fitted_config(SIZE, objective="self-classifier", precision="float32")
    assert other.scales == (1, 2, 4, 8)


def test_the_graph_is_that_of_the_simulated_features():
    inputs, classes = simulated_inputs(SIZE)
    graph = inputs["graph"]
    assert (inputs["features"].shape, graph.cap) == ((256, 64), 64)
    same = np.repeat(classes, graph.counts) == classes[graph.indices]
    assert same.mean() > 0.5


@pytest.mark.parametrize("objective", ["ucls", "uic"])
def test_steps_take_the_batches_in_turn(objective, monkeypatch):
    config = fitted_config(SIZE, objective=objective, precision="float32", batch_size=100)
    trainer = HeadTrainer.on(**random_inputs(SIZE), config=config, device=torch.device("cpu"))
    taken = []
    monkeypatch.setattr(trainer, "step", lambda rows, step, _: taken.append((rows.tolist(), step)))
    take_step = step_taker(trainer)
    for _ in range(3):
        take_step()
    (first, _), (second, _), (third, _) = taken
    assert first == third != second
    assert [step for _, step in taken] == [0, 1, 2]
