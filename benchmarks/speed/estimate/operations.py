"""What each stage computes and moves on a device, at the size of a case."""

from collections.abc import Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.speed.estimate.cases import Case
from benchmarks.speed.estimate.counting import at_size, count_operations
from benchmarks.speed.estimate.device import Operation
from benchmarks.speed.self_training import token_columns
from ucls.settings.config import SelfTrainConfig

FEW_HEADS, FEW_ROWS = (2, 3), (64, 128)
"""Of the steps that are counted."""
FLOAT, FLAG = 4, 1
"""Bytes of a number and of a truth value."""
ON_DEVICE = ("neighbors", "train", "self-train")
"""The stages that take a GPU where there is one; all others run on the CPU."""
BATCH_SIZE = 1024
"""Of self-training, in the thesis as in autoconfig."""
LOGIT_PASSES = 10
"""Times that an iteration reads or writes the logits outside of the products: bias, softmax,
weights, gradient of the bias."""
WEIGHT_PASSES = 10
"""The same of the weights: momentum, learning rates, step."""


class Repeated(NamedTuple):
    """Operations that are repeated."""

    times: float
    operations: Sequence[Operation]


def stage_operations(stage: str, case: Case, *, epochs: int) -> list[Repeated]:
    """All that a stage does on a device.

    Args:
        stage: one of :data:`ON_DEVICE`.
        case: of what size.
        epochs: of the training.
    """
    n_images, n_clusters, n_heads, n_features = case.size
    if stage == "neighbors":
        return [Repeated(1, search_operations(case))]
    if stage == "train":
        step = Step(case.head_clusters, n_heads, n_features, case.batch_size, case.n_smoothing)
        training, labelling = training_operations(step)
        n_batches = n_images // case.batch_size
        return [Repeated(n_batches * epochs, training), Repeated(n_batches, labelling)]
    iteration, scoring = self_training_operations(n_clusters, n_features)
    n_scored = SelfTrainConfig().holdout * n_images / BATCH_SIZE
    return [Repeated(case.iterations, iteration), Repeated(n_scored, scoring)]


def search_operations(case: Case) -> list[Operation]:
    """The products of all images with all, and the search for what reaches the bar.

    The similarities are written once; comparing reads them and writes flags, which are read twice
    to find those that are set. What little is found is left out.
    """
    n_pairs = case.size.n_images**2
    return [
        Operation(2.0 * n_pairs * case.size.n_features, FLOAT * n_pairs),
        Operation(0.0, (FLOAT + FLAG) * n_pairs),
        Operation(0.0, 2 * FLAG * n_pairs),
    ]


class Step(NamedTuple):
    """The size of a step of the training."""

    n_clusters: int
    """Of a head."""
    n_heads: int
    n_features: int
    batch_size: int
    n_smoothing: int
    """Neighbours that the teacher sees."""


@cache
def training_operations(step: Step) -> tuple[list[Operation], list[Operation]]:
    """A step of the training, and the labelling of a batch by all heads.

    Counted on real ones, that run here with few heads and images: all operations grow in a straight
    line with either.
    """
    counted = cache(
        lambda heads, rows: count_training(step._replace(n_heads=heads, batch_size=rows))
    )

    def with_heads(part: int, heads: int) -> list[Operation]:
        return at_size(lambda rows: counted(heads, rows)[part], *FEW_ROWS, step.batch_size)

    training, labelling = (
        at_size(partial(with_heads, part), *FEW_HEADS, step.n_heads) for part in (0, 1)
    )
    return training, labelling


def count_training(step: Step) -> tuple[list[Operation], list[Operation]]:
    """Counts a step, in bfloat16 as on a GPU, and the labelling of a batch."""
    from benchmarks import step_products
    from benchmarks.speed.growth.works import BOTTLENECK_DIM, HIDDEN_DIM
    from benchmarks.speed.training import ucls_config
    from benchmarks.training_step import random_graph
    from ucls.training.trainer import HeadTrainer

    n_clusters, n_heads, n_features, batch_size, n_smoothing = step
    size = step_products.Size(
        n_heads, n_features, n_clusters, batch_size, HIDDEN_DIM, BOTTLENECK_DIM
    )
    # As many as a step reads, so that no more are counted.
    n_images = (1 + n_smoothing) * batch_size
    config = ucls_config(size, precision="bfloat16", epochs=100, n_images=n_images)
    trainer = HeadTrainer(
        np.random.default_rng(0).standard_normal((n_images, n_features), dtype=np.float32),
        random_graph(n_images),
        config.model_copy(update={"n_smoothing": n_smoothing}),
        n_clusters=n_clusters,
        seed=0,
        device=torch.device("cpu"),
    )
    trainer.train_mode(True)
    generator, rows = torch.Generator().manual_seed(0), torch.arange(batch_size)
    # The optimiser makes its memory in the first step.
    trainer.step(rows, 0, generator)
    training = count_operations(lambda: trainer.step(rows, 1, generator))
    features = trainer.features[:batch_size].numpy()
    return training, count_operations(lambda: trainer.predict(features))


def self_training_operations(
    n_clusters: int, n_features: int
) -> tuple[list[Operation], list[Operation]]:
    """An iteration of all linear classifiers, and the scoring of a batch that is held out.

    Args:
        n_clusters: C.
        n_features: D.
    """
    n_outputs = len(SelfTrainConfig().learning_rates) * n_clusters
    iteration, scoring = [], []
    for span in token_columns(n_features).values():
        width = span.stop - span.start
        logits, weights, inputs = BATCH_SIZE * n_outputs, width * n_outputs, BATCH_SIZE * width
        product = Operation(2.0 * logits * width, FLOAT * (logits + weights + inputs))
        iteration += [
            product,
            product,
            Operation(0.0, LOGIT_PASSES * FLOAT * logits),
            Operation(0.0, WEIGHT_PASSES * FLOAT * weights),
        ]
        scoring += [product, Operation(0.0, LOGIT_PASSES * FLOAT * logits)]
    return iteration, scoring
