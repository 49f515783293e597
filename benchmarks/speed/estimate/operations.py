"""What each stage computes and moves on a device, at the size of a case."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch

from benchmarks.speed.estimate.case import Case
from benchmarks.speed.estimate.counting import count_operations
from benchmarks.speed.estimate.device import Operation
from benchmarks.speed.self_training import token_columns
from benchmarks.speed.training import random_training, ucls_config
from ucls.config import SelfTrainConfig
from ucls.training import HeadTrainer

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

Operations = Sequence[Operation]


class Repeated(NamedTuple):
    """Operations that are repeated."""

    times: float
    operations: Operations


def stage_operations(stage: str, case: Case, *, epochs: int) -> list[Repeated]:
    """All that a stage does on a device.

    Args:
        stage: one of :data:`ON_DEVICE`.
        case: of what size.
        epochs: of the training.
    """
    n_images = case.size.n_images
    if stage == "neighbors":
        return [Repeated(1, search_operations(case))]
    if stage == "train":
        training, labelling = training_operations(case)
        n_batches = n_images // case.batch_size
        return [Repeated(n_batches * epochs, training), Repeated(n_batches, labelling)]
    iteration, scoring = self_training_operations(case)
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


@cache
def training_operations(case: Case) -> tuple[Operations, Operations]:
    """A step of the training, and the labelling of a batch by all heads.

    Counted on real ones, that run here with few heads and images: all operations grow in a straight
    line with either.
    """
    rows_ahead = (case.batch_size - FEW_ROWS[0]) / (FEW_ROWS[1] - FEW_ROWS[0])
    heads_ahead = (case.size.n_heads - FEW_HEADS[0]) / (FEW_HEADS[1] - FEW_HEADS[0])
    by_heads = []
    for n_heads in FEW_HEADS:
        few, more = (count_training(case, n_heads, n_rows) for n_rows in FEW_ROWS)
        by_heads.append([ahead_of(*pair, rows_ahead) for pair in zip(few, more, strict=True)])
    training, labelling = (ahead_of(*pair, heads_ahead) for pair in zip(*by_heads, strict=True))
    return training, labelling


def ahead_of(few: Operations, more: Operations, ahead: float) -> Operations:
    """The same operations, as far beyond those with few as these are times the way to more."""
    return [
        Operation(
            flops=small.flops + ahead * (large.flops - small.flops),
            n_bytes=small.n_bytes + ahead * (large.n_bytes - small.n_bytes),
            is_half=small.is_half,
        )
        for small, large in zip(few, more, strict=True)
    ]


def count_training(case: Case, n_heads: int, n_rows: int) -> tuple[Operations, Operations]:
    """Counts a step, in bfloat16 as on a GPU, and the labelling of a batch.

    Args:
        case: with the clusters of a head, D and m.
        n_heads: H.
        n_rows: images of the batch.
    """
    # As many images as a step reads, so that no more are counted.
    size = replace(
        case.size,
        n_images=(1 + case.n_smoothing) * n_rows,
        n_clusters=case.head_clusters,
        n_heads=n_heads,
    )
    config = ucls_config(size, precision="bfloat16", batch_size=n_rows)
    smoothed = config.model_copy(update={"n_smoothing": case.n_smoothing})
    trainer = random_training(size).trainer(HeadTrainer, smoothed, where=torch.device("cpu"))
    trainer.train_mode(True)
    generator, rows = torch.Generator().manual_seed(0), torch.arange(n_rows)
    # The optimiser makes its memory in the first step.
    trainer.step(rows, 0, generator)
    training = count_operations(lambda: trainer.step(rows, 1, generator))
    features = trainer.features[:n_rows].numpy()
    return training, count_operations(lambda: trainer.predict(features))


def self_training_operations(case: Case) -> tuple[Operations, Operations]:
    """An iteration of all linear classifiers, and the scoring of a batch that is held out."""
    n_outputs = len(SelfTrainConfig().learning_rates) * case.size.n_clusters
    iteration, scoring = [], []
    for span in token_columns(case.size.n_features).values():
        width = span.stop - span.start
        logits, weights, inputs = BATCH_SIZE * n_outputs, width * n_outputs, BATCH_SIZE * width
        product = Operation(2.0 * logits * width, FLOAT * (logits + weights + inputs))
        passes = Operation(0.0, LOGIT_PASSES * FLOAT * logits)
        iteration += [product, product, passes, Operation(0.0, WEIGHT_PASSES * FLOAT * weights)]
        scoring += [product, passes]
    return iteration, scoring
