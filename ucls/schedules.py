"""How rates change over a training."""

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

Progress = TypeVar("Progress", float, "torch.Tensor", "float | torch.Tensor")

REFERENCE_BATCH = 256


def warmup_cosine(
    step: int, *, peak: float, final: float, warmup_steps: int, total_steps: int
) -> float:
    """Rises linearly from 0 to ``peak``, then falls by a cosine to ``final``."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return final + (peak - final) * 0.5 * (1.0 + math.cos(math.pi * progress))


def cosine_rise(final: float, progress: Progress) -> Progress:
    """Rises from 0 to ``final`` by a cosine while ``progress`` goes from 0 to 1."""
    angle = math.pi * progress
    cosine = math.cos(angle) if isinstance(angle, float) else angle.cos()
    return final * 0.5 * (1.0 - cosine)


def gaussian_rise(start: float, progress: Progress) -> Progress:
    """Rises from ``start`` (and 0.7 % of the way) to 1 while ``progress`` goes from 0 to 1.

    start + (1 - start) exp(-5 (1 - progress)^2): P2OT (Zhang et al. 2024), after Laine and Aila's
    "Temporal Ensembling" (2017).
    """
    left = 1.0 - progress
    exponent = -5.0 * left * left
    share = math.exp(exponent) if isinstance(exponent, float) else exponent.exp()
    return start + (1.0 - start) * share


def scale_to_batch(rate: float, batch_size: int) -> float:
    """Linear scaling: rates are given for a batch of 256."""
    return rate * batch_size / REFERENCE_BATCH
