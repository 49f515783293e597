"""Watching a training: have heads collapsed, does it stand still?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

CHECKS = 20
"""Looks at the heads over a whole training."""
SAMPLE = 4096
"""Images that are looked at."""
PATIENCE = 3
"""Looks without any change after which a training stands still."""
AGREEMENT_CHANGE = 2e-3
"""Of the agreement, beyond which a training moves."""
LOSS_CHANGE = 0.02
"""Of the loss, as a share of how far it has come; batches and pairs alone make it jitter by 1 %."""


class Look(NamedTuple):
    """The state of a training after some epochs."""

    loss: float
    agreement: float
    """Mean NMI of each head with the next one, 0..1."""


def interval(n_epochs: int) -> int:
    """Epochs between two looks."""
    return max(1, n_epochs // CHECKS)


def head_agreement(labels: npt.NDArray[np.int32]) -> float:
    """How far heads agree: the mean NMI of each with the next one, int32 [R, n] to 0..1."""
    from sklearn.metrics import normalized_mutual_info_score

    pairs = zip(labels, np.roll(labels, -1, axis=0), strict=True)
    return float(np.mean([normalized_mutual_info_score(a, b) for a, b in pairs]))


def stands_still(looks: Sequence[Look]) -> bool:
    """Whether loss and agreement have not changed over the last looks."""
    if len(looks) <= PATIENCE:
        return False
    recent = looks[-PATIENCE - 1 :]
    losses, agreements = ([look[i] for look in recent] for i in (0, 1))
    come = max(abs(looks[0].loss - recent[-1].loss), abs(recent[-1].loss) * LOSS_CHANGE)
    return (
        max(losses) - min(losses) <= LOSS_CHANGE * come
        and max(agreements) - min(agreements) <= AGREEMENT_CHANGE
    )
