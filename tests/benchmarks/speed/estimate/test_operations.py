from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import step_products
from benchmarks.speed.estimate.cases import IMAGENET_CASES
from benchmarks.speed.estimate.counting import count_operations
from benchmarks.speed.estimate.device import Operation
from benchmarks.speed.estimate.operations import (
    BATCH_SIZE,
    Step,
    count_training,
    self_training_operations,
    stage_operations,
    training_operations,
)
from benchmarks.speed.growth.works import BOTTLENECK_DIM, HIDDEN_DIM
from benchmarks.speed.self_training import made_up_tokens, token_columns
from ucls.settings.config import SelfTrainConfig
from ucls.training.linear import self_train

CASE = IMAGENET_CASES[0]
STEP = Step(n_clusters=10, n_heads=5, n_features=64, batch_size=256, n_smoothing=1)


def total(operations, name):
    return sum(getattr(one, name) for one in operations)


@pytest.mark.parametrize("n_smoothing", [1, 4])
def test_a_step_on_paper_is_the_step_that_is_too_large_to_count(n_smoothing):
    step = STEP._replace(n_smoothing=n_smoothing)
    for paper, real in zip(training_operations(step), count_training(step), strict=True):
        assert [one.is_half for one in paper] == [one.is_half for one in real]
        assert total(paper, "flops") == pytest.approx(total(real, "flops"))
        assert total(paper, "n_bytes") == pytest.approx(total(real, "n_bytes"))


def test_a_step_takes_the_products_that_it_needs():
    size = step_products.Size(5, 64, 10, 256, HIDDEN_DIM, BOTTLENECK_DIM)
    products = step_products.step_products(
        "ucls", size, scales=(1,), n_partners=1, n_student_views=1, inner_steps=0,
        dtype=torch.float32, device="cpu",
    )  # fmt: skip
    needed = total(count_operations(lambda: [product() for product in products]), "flops")
    step, _ = training_operations(STEP)
    # Sinkhorn's scalings are products too.
    assert needed <= total(step, "flops") < 1.01 * needed


def test_most_products_are_in_bfloat16_and_the_last_layer_is_not():
    step, labelling = training_operations(STEP)
    half = total([one for one in step if one.is_half], "flops")
    assert 0.9 < half / total(step, "flops") < 1.0
    assert not any(one.is_half for one in labelling)


def test_self_training_on_paper_is_the_real_one():
    n_features, n_clusters = 64, 10
    tokens, labels = made_up_tokens(2 * BATCH_SIZE, n_features, n_clusters)

    def count(iterations):
        config = SelfTrainConfig(iterations=iterations, batch_size=BATCH_SIZE)
        columns = token_columns(n_features)
        return count_operations(
            lambda: self_train(tokens, labels, columns, n_clusters=n_clusters, config=config)
        )

    once, twice = count(1), count(2)
    iteration, _ = self_training_operations(n_clusters, n_features)
    for name, tolerance in (("flops", 0.0), ("n_bytes", 0.15)):
        real = total(twice, name) - total(once, name)
        assert total(iteration, name) == pytest.approx(real, rel=tolerance)


def test_search_multiplies_all_with_all():
    ((times, operations),) = stage_operations("neighbors", CASE, epochs=1)
    assert times == 1
    assert total(operations, "flops") == 2 * 1_281_167**2 * 2048


def test_training_takes_a_step_for_each_batch_of_each_epoch():
    small = replace(CASE, size=CASE.size._replace(n_images=10 * 1024 + 5, n_clusters=10))
    (steps, _), (batches, _) = stage_operations("train", small, epochs=7)
    assert (steps, batches) == (70, 10)


def test_self_training_scores_a_tenth_once():
    (iterations, _), (batches, scoring) = stage_operations("self-train", CASE, epochs=1)
    assert iterations == 12_500
    assert batches == pytest.approx(125.1, abs=0.1)
    assert isinstance(scoring[0], Operation)
    assert np.isclose(total(scoring, "flops"), 2 * 1024 * 13_000 * 12 * 1024)
