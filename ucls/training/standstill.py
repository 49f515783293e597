"""Watching a training: does it stand still?"""

import torch

CHECKS = 20
"""Looks at the heads over a whole training."""
SAMPLE = 4096
"""Images that are looked at."""
MOVES_AT_MOST = 0.02
"""Share of the images that change their cluster between two looks, where a training stands still.
Twice as many cost the consensus a point on digits (0.928, not 0.939: mean of five seeds)."""
SOONEST = 0.5
"""Share of a training before which it is not asked: the learning rate has hardly fallen yet."""


def interval(n_epochs: int) -> int:
    """Epochs between two looks."""
    return -(-n_epochs // CHECKS)


def moved_share(before: torch.Tensor, now: torch.Tensor) -> float:
    """The share of the labels [R, n] that differ, 0..1."""
    return float((before != now).float().mean())


def stands_still(moved: float | None, *, progress: float) -> bool:
    """Whether the assignments hardly move any more.

    Args:
        moved: the share that moved before the last look, 0..1; None if it is not known.
        progress: share of the training that was done then, 0..1.
    """
    return moved is not None and moved <= MOVES_AT_MOST and progress >= SOONEST
