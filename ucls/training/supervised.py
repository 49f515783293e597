"""Linear classifiers on true labels, by the protocols that papers measure features with."""

import numpy as np
import torch

from ucls.preparation.columns import ColumnStatistics
from ucls.progress import Advance, ignore_progress
from ucls.schedules import warmup_cosine
from ucls.settings.probe import LEAST_BATCH, LEAST_BATCHES, LarsProtocol
from ucls.training.bank import ClassifierBank, Targets
from ucls.training.linear import CHUNK, Features, LinearClassifier
from ucls.types import Labels


@torch.no_grad()
def train_with_lars(
    features: Features,
    labels: Labels,
    protocol: LarsProtocol,
    *,
    n_classes: int,
    seed: int = 0,
    device: torch.device | None = None,
    advance: Advance = ignore_progress,
) -> tuple[LinearClassifier, ...]:
    """Trains a linear classifier for each learning rate of a protocol.

    Unlike in the papers, features are centred and brought to one scale first, which changes none of
    the classifiers that there are, and images are not augmented, as features are all there is.

    Args:
        features: [N, D].
        labels: [N], in 0..C-1.
        protocol: how to train.
        n_classes: C.
        seed: of the initial weights and the batches.
        device: where to train; the CPU if None.
        advance: told of every epoch.

    Returns:
        As many as there are rates, in their order.
    """
    device = device or torch.device("cpu")
    statistics = ColumnStatistics.of(
        torch.from_numpy(features[start : start + CHUNK]).to(device)
        for start in range(0, len(features), CHUNK)
    )
    targets = Targets(
        torch.from_numpy(labels.astype(np.int64)).to(device),
        torch.ones(len(labels), device=device),
    )
    generator = torch.Generator().manual_seed(seed)
    bank = ClassifierBank(
        slice(0, features.shape[1]),
        n_classes,
        learning_rates=protocol.learning_rates,
        momentum=protocol.momentum,
        lars=protocol.weight_decay,
        generator=generator,
        device=device,
    )
    batch_size = fitting_batch(protocol, len(features))
    total = protocol.epochs * -(-len(features) // batch_size)
    step = 0
    for _ in range(protocol.epochs):
        order = torch.randperm(len(features), generator=generator)
        for rows in (batch.numpy() for batch in torch.split(order, batch_size)):
            share = warmup_cosine(step, peak=1.0, final=0.0, warmup_steps=0, total_steps=total)
            tokens = statistics.standardize(torch.from_numpy(features[rows]))
            bank.step(tokens, targets.of(rows), share if protocol.falls else 1.0)
            step += 1
        advance(1)
    return tuple(LinearClassifier(*parts, statistics.scale) for parts in bank.parts(statistics))


def fitting_batch(protocol: LarsProtocol, n_images: int) -> int:
    """The protocol's batch, or a smaller one where an epoch would have too few of them."""
    return min(protocol.batch_size, max(LEAST_BATCH, n_images // LEAST_BATCHES))
