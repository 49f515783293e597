"""How much each head counts in a vote."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ucls.ensemble.label_matrix import count_clusters
from ucls.types import Labels

HeadWeights: TypeAlias = "Literal['agreement'] | npt.NDArray[np.float64] | None"
"""Positive weights [H]; ``agreement``: found by :func:`agreement_weights`; None: all equal."""

# Votes are added up as integers, so that their order does not matter.
LARGEST_VOTE = 2**20


def agreement_weights(aligned: Labels, clustering: Labels) -> npt.NDArray[np.float64]:
    """Weighs heads by how often they agree with a clustering.

    A head that is right with probability a, and wrong in any of the C - 1 other ways alike, has the
    log-odds log((C - 1) a / (1 - a)) as its best weight in a vote of independent heads (Nitzan and
    Paroush, 1982, for two classes). Here a is the share of the images, among those that the head
    labels, on which it agrees.

    Args:
        aligned: int32 [H, N], named after the clustering's clusters; -1 is missing.
        clustering: int32 [N]; -1 is missing.

    Returns:
        float64 [H], at least 0. Heads no better than chance get 0; if all are, all get 1.
    """
    known = (aligned >= 0) & (clustering >= 0)
    n_known = np.maximum(known.sum(axis=1), 1)
    agreed = (aligned == clustering).sum(axis=1, where=known)
    # One image more and one less, so that a head that always agrees keeps a finite weight.
    share = (agreed + 0.5) / (n_known + 1.0)
    n_others = max(1, count_clusters(clustering) - 1)
    weights = np.maximum(np.log(n_others * share / (1.0 - share)), 0.0)
    return weights if weights.any() else np.ones(len(weights))


def loss_weights(loss: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Weighs heads by their training loss: e times more for one standard deviation less.

    Args:
        loss: [H], finite.

    Returns:
        float64 [H], above 0; 1 for the mean loss.
    """
    losses = np.asarray(loss, dtype=np.float64)
    spread = losses.std()
    if spread == 0.0:
        return np.ones(len(losses))
    weights: npt.NDArray[np.float64] = np.exp((losses.mean() - losses) / spread)
    return weights


def as_votes(
    weights: HeadWeights, aligned: Labels, clustering: Labels
) -> npt.NDArray[np.int64] | None:
    """Turns weights into whole votes per head, [H], at least 1; None if every head has one.

    Args:
        weights: of the heads.
        aligned: int32 [H, N], named after the clustering's clusters; -1 is missing.
        clustering: what ``agreement`` is measured against, int32 [N].
    """
    if weights is None:
        return None
    found = agreement_weights(aligned, clustering) if isinstance(weights, str) else weights
    votes: npt.NDArray[np.int64] = np.rint(found / found.max() * LARGEST_VOTE).astype(np.int64)
    return np.maximum(votes, 1)
