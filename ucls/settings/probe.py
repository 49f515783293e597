"""How ``ucls probe`` measures features: k-NN and linear probes as the papers have them."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ucls.settings.config import SelfTrainConfig

NEIGHBORS = (5, 20, 200)
"""Of the k-NN classifiers: C2BIN reports 5 and 200, DINO the best of several, mostly 20."""
TEMPERATURE = 0.07
"""Of the votes, as in Wu et al. (2018)."""
HELD_OUT = 5
"""One image of so many is scored where no others are given."""

MOST_PATCHES = 100_000
"""That a linear classifier of patches learns from, evenly many of each image, rounded up."""


@dataclass(frozen=True)
class LarsProtocol:
    """Linear classifiers trained with layer-wise rates, one per learning rate.

    Attributes:
        learning_rates: of the classifiers.
        epochs: over the training images.
        batch_size: images a step.
        weight_decay: of weights, not of biases.
        falls: whether rates fall to 0 by a cosine; else they stay.
        momentum: of the steps.
    """

    learning_rates: tuple[float, ...]
    epochs: int
    batch_size: int
    weight_decay: float
    falls: bool
    momentum: float = 0.9


LinearProtocol: TypeAlias = SelfTrainConfig | LarsProtocol
ProtocolName = Literal["thesis", "self-classifier", "c2bin"]

PROTOCOLS: dict[ProtocolName, LinearProtocol] = {
    "thesis": SelfTrainConfig(
        learning_rates=(
            1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1,
        ),
        iterations=12_500,
        batch_size=1024,
    ),
    "self-classifier": LarsProtocol(
        learning_rates=(0.8,), epochs=100, batch_size=4096, weight_decay=0.0, falls=True
    ),
    "c2bin": LarsProtocol(
        learning_rates=(0.1, 0.2, 0.3, 0.4, 0.5),
        epochs=300,
        batch_size=256,
        weight_decay=1e-6,
        falls=False,
    ),
}  # fmt: skip
"""The thesis's 6.2 after DINOv2's linear evaluation (its 13 rates, for a batch of 256);
Self-Classifier's 5.3; C2BIN's table 6."""
LEAST_BATCH, LEAST_BATCHES = 32, 100
"""Of LARS, whose steps are a set share of the weights, so that few of them get nowhere: a batch is
smaller than the protocol's where an epoch would have fewer batches, but no smaller than this."""
