import numpy as np
import torch

from benchmarks.speed.measurement import Size
from benchmarks.speed.self_training import (
    bare_products,
    made_up_tokens,
    self_training,
    self_training_ratios,
)
from tests.benchmarks.speed.flops import flops_of
from ucls.settings.config import SelfTrainConfig

SIZE = Size(300, 3, n_features=8)
CONFIG = SelfTrainConfig(iterations=5, batch_size=32)


def test_the_reference_takes_the_very_products_of_self_training():
    cpu = torch.device("cpu")
    ours = flops_of(self_training(SIZE, CONFIG, cpu))
    assert flops_of(bare_products(SIZE, CONFIG, cpu)) == ours > 0


def test_tokens_fill_their_columns_and_labels_their_clusters():
    tokens, labels = made_up_tokens(Size(5000, 3, n_features=8))
    assert (tokens.shape, tokens.dtype) == ((5000, 20), np.float16)
    assert np.ptp(tokens, axis=0).min() > 0
    assert set(labels) == {0, 1, 2}


def test_a_ratio_of_every_turn():
    (found,) = self_training_ratios(SIZE, repeats=3, iterations=3, batch_size=32)
    assert found.name == "self-training, 3 iterations of 32 images, D=8, C=3"
    assert len(found.ratios) == 3
