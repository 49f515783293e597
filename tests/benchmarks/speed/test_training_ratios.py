from dataclasses import replace

import pytest

from benchmarks.speed import training_ratios
from benchmarks.speed.measurement import Size
from ucls.settings.objectives import objective_names

SIZE = Size(256, 4, n_heads=2, n_features=64)
TINY = {"batch_size": 32, "hidden_dim": 16, "bottleneck_dim": 8}


def test_steps_of_each_precision_against_products_and_peer():
    ratios = list(training_ratios.step_ratios([SIZE], repeats=2, **TINY))
    assert [(one.name.split()[-1], one.against) for one in ratios] == [
        (precision, against)
        for precision in ("float32", "bfloat16")
        for against in (training_ratios.BARE, training_ratios.STRAIGHTFORWARD)
    ]
    assert ratios[0].name == "training step, H=2 C=4 D=64 float32"
    assert all(len(one.ratios) == 2 for one in ratios)


@pytest.mark.parametrize("objective", objective_names())
def test_every_objective_has_a_ratio(objective):
    size = replace(SIZE, n_features=8)
    settings = {**TINY, "batch_size": 16, "n_smoothing": 1, "symmetric": True}
    (found,) = training_ratios.objective_ratios(objective, ["float32"], size, repeats=2, **settings)
    assert found.name.startswith(f"{objective} float32")
    assert found.against == training_ratios.BARE


def test_epochs_against_each_peer():
    ratios = training_ratios.epoch_ratios(SIZE, repeats=1, **TINY)
    assert [one.against for one in ratios] == list(training_ratios.PEERS)
    assert ratios[0].name == "epoch of 256 simulated images, H=2 C=4 D=64 bfloat16"


def test_a_training_to_its_end_tells_both_accuracies():
    whole, to_target = training_ratios.accuracy_ratios(SIZE, epochs=3, share=0.9, **TINY)
    final = whole.facts
    assert 0.25 <= min(final.values()) <= max(final.values()) <= 1.0
    assert to_target.facts["acc"] == pytest.approx(0.9 * min(final.values()))
    assert to_target.seconds <= whole.seconds
    assert to_target.reference_seconds <= whole.reference_seconds
