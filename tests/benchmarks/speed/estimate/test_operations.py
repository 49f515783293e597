from dataclasses import replace

import pytest

from benchmarks.speed.estimate.case import IMAGENET_CASES, Case
from benchmarks.speed.estimate.counting import count_operations
from benchmarks.speed.estimate.operations import (
    BATCH_SIZE,
    count_training,
    self_training_operations,
    stage_operations,
    training_operations,
)
from benchmarks.speed.self_training import self_training
from benchmarks.speed.size import Size
from ucls.config import SelfTrainConfig

CASE = IMAGENET_CASES[0]
SMALL = Case("small", Size(10 * 256 + 5, 10, n_heads=5, n_features=64), batch_size=256)


def total(operations, name):
    return sum(getattr(one, name) for one in operations)


@pytest.mark.parametrize("n_smoothing", [1, 4])
def test_a_step_on_paper_is_the_step_that_is_too_large_to_count(n_smoothing):
    case = replace(SMALL, n_smoothing=n_smoothing)
    for paper, real in zip(training_operations(case), count_training(case, 5, 256), strict=True):
        assert [one.is_half for one in paper] == [one.is_half for one in real]
        assert total(paper, "flops") == pytest.approx(total(real, "flops"))
        assert total(paper, "n_bytes") == pytest.approx(total(real, "n_bytes"))


def test_most_products_are_in_bfloat16_and_the_last_layer_is_not():
    step, labelling = training_operations(SMALL)
    half = total([one for one in step if one.is_half], "flops")
    assert 0.9 < half / total(step, "flops") < 1.0
    assert not any(one.is_half for one in labelling)


def test_self_training_on_paper_is_the_real_one():
    size = replace(SMALL.size, n_images=2 * BATCH_SIZE)
    once, twice = (
        count_operations(
            self_training(size, SelfTrainConfig(iterations=iterations, batch_size=BATCH_SIZE))
        )
        for iterations in (1, 2)
    )
    iteration, _ = self_training_operations(SMALL)
    for name, tolerance in (("flops", 0.0), ("n_bytes", 0.15)):
        real = total(twice, name) - total(once, name)
        assert total(iteration, name) == pytest.approx(real, rel=tolerance)


def test_search_multiplies_all_with_all():
    ((times, operations),) = stage_operations("neighbors", CASE, epochs=1)
    assert times == 1
    assert total(operations, "flops") == 2 * 1_281_167**2 * 2048


def test_training_takes_a_step_for_each_batch_of_each_epoch():
    (steps, _), (batches, _) = stage_operations("train", SMALL, epochs=7)
    assert (steps, batches) == (70, 10)


def test_self_training_scores_a_tenth_once():
    (iterations, _), (batches, scoring) = stage_operations("self-train", CASE, epochs=1)
    assert iterations == 12_500
    assert batches == pytest.approx(125.1, abs=0.1)
    assert total(scoring, "flops") == pytest.approx(2 * 1024 * 13_000 * 12 * 1024)
