import numpy as np
import pytest
import torch

from benchmarks.speed.estimate.counting import count_operations
from benchmarks.speed.self_training import (
    bare_products,
    made_up_tokens,
    self_training_ratios,
    token_columns,
)
from ucls.cache import FeatureSpec
from ucls.settings.config import SelfTrainConfig
from ucls.stages import self_train as stage
from ucls.training.linear import self_train

N_IMAGES, N_FEATURES, N_CLUSTERS = 300, 8, 3
CONFIG = SelfTrainConfig(iterations=5, batch_size=32)


def flops_of(work):
    return sum(operation.flops for operation in count_operations(work))


def test_the_reference_takes_the_very_products_of_self_training():
    tokens, labels = made_up_tokens(N_IMAGES, N_FEATURES, N_CLUSTERS)
    columns = token_columns(N_FEATURES)
    multiply = bare_products(
        columns, N_CLUSTERS, CONFIG, n_images=N_IMAGES, device=torch.device("cpu")
    )
    ours = flops_of(
        lambda: self_train(tokens, labels, columns, n_clusters=N_CLUSTERS, config=CONFIG)
    )
    assert flops_of(multiply) == ours > 0


def test_columns_are_those_of_the_stage():
    spec = FeatureSpec(
        dataset="made-up", split="train", fingerprint="0", backbone="vit", weights_hash="0",
        timm_version="1", image_size=224, channels=3, crop="none", interpolation="none", mean=(),
        std=(), dtype="float16", n_layers=4, n_features=16, has_patch_mean=True,
    )  # fmt: skip
    assert token_columns(32) == stage.token_columns(spec)


def test_tokens_fill_their_columns_and_labels_their_clusters():
    tokens, labels = made_up_tokens(5000, N_FEATURES, N_CLUSTERS)
    assert tokens.shape == (5000, 20)
    assert tokens.dtype == np.float16
    assert np.ptp(tokens, axis=0).min() > 0
    assert set(labels) == set(range(N_CLUSTERS))


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_ratio_of_every_turn(repeats):
    (found,) = self_training_ratios(
        N_IMAGES, N_FEATURES, N_CLUSTERS, repeats=repeats, iterations=3, batch_size=32
    )
    assert found.name == "self-training, 3 iterations of 32 images, D=8, C=3"
    assert len(found.ratios) == repeats
