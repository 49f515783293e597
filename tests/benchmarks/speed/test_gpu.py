import math

import pytest
import torch

from benchmarks.speed import training
from benchmarks.speed.gpu import (
    CHECKED,
    FULL,
    QUICK,
    Check,
    Script,
    average_error,
    first_batch,
    relative_error,
)
from benchmarks.speed.measurement import Measurement
from ucls.training.trainer import HeadTrainer

CPU = torch.device("cpu")


def new_trainer():
    config = training.ucls_config(CHECKED, precision="float32", **QUICK.widths)
    return HeadTrainer.on(**training.random_inputs(CHECKED), config=config, device=CPU)


@pytest.mark.parametrize(
    ("error", "is_met"), [(0.1, True), (0.2, False), (None, False), (math.nan, False)]
)
def test_a_check_is_met_by_a_small_error_alone(error, is_met):
    assert Check("loss", error, 0.1).is_met is is_met


def test_the_error_is_the_largest_of_all_tensors():
    right = torch.tensor([3.0, 4.0]).double()
    assert relative_error([right.float(), right + 0.5], [right, right]) == pytest.approx(
        0.5 * math.sqrt(2) / 5
    )


def test_a_wrong_moving_average_is_seen(monkeypatch):
    trainer = new_trainer()
    assert average_error(trainer) < 1e-6
    monkeypatch.setattr(trainer.objective, "after_step", lambda: None)
    assert average_error(trainer) > 1e-6


def test_batches_are_of_the_middle_of_a_training():
    batch = first_batch(new_trainer())
    assert batch.views.shape == (2, QUICK.widths["batch_size"], CHECKED.n_features)
    assert batch.progress == pytest.approx(0.5, abs=0.01)


def test_imagenet_takes_a_hundred_epochs_of_measured_steps(monkeypatch):
    def step_times(self, name, size):
        assert size.n_clusters == 1000
        yield Measurement(name, "bare", [20 * 0.002] * 3, [1.0] * 3)

    monkeypatch.setattr(Script, "step_times", step_times)
    (found,) = Script(FULL, CPU, repeats=1).imagenet_times()
    minutes = 0.002 * 100 * 1251 / 60
    assert found.facts == {"100 epochs by it": f"{minutes:.3g} min"}
