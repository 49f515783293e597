"""How features are prepared, as asked for or by what they look like; never by labels.

Shapes: N images, D features of a space.
"""

from typing import NamedTuple, cast

import numpy as np
import torch

from ucls.errors import UsageError
from ucls.preparation.columns import CHUNK, ColumnStatistics
from ucls.preparation.prepared import PreparedSpace, unit_length
from ucls.preparation.signs import (
    evenness_of_columns,
    hubness,
    is_uneven,
    left_by_two_groups,
    sample_rows,
)
from ucls.tables import AnyFeatures
from ucls.wording import count

EVEN_AT_LEAST = 0.25
"""Evenness of the columns below which a few of them outshout the rest: 0.02 to 0.11 where they did,
0.46 and more elsewhere."""
HUBS_FROM = 2.0
"""Hubness from which on the first direction is suspected; 0.5 to 1.7 for features that serve."""
HUBS_AT_MOST_LEFT = 0.5
"""Share of the hubness that is left where leaving out a direction was right."""
TWO_GROUPS_LEAVE = 0.2
"""Of the variance along a direction, below which it tells two groups of images apart, as hubness
also comes from."""
FEW_COLUMNS = 16
"""Up to which lengths tell as much as directions, and features are compared by distance."""
HEIGHT = 4.0
"""Of the further column, in units of the features' median length."""
MOST_DROPPED = 3
COMPONENTS = 128
LARGEST_SAMPLE = 2**14
"""Images that principal directions rest on."""
LEAST_SHARE = 1e-6
"""Deviation of a column, as a share of its mean, below which it is rounding and left out."""


class Fitted(NamedTuple):
    """A preparation and why it was chosen."""

    space: PreparedSpace
    reason: str
    """In plain words; empty where it was asked for."""


def fit_space(features: AnyFeatures, wanted: str) -> Fitted:
    """Prepares the features of one space.

    With ``auto`` features of few columns are compared by distance: a further column, far longer
    than they are, makes angles as distances. Otherwise rows are scaled to length 1 and centred, as
    the mean that features share hides how they differ; columns are standardised instead where few
    of them hold nearly all the variance; and the first directions are left out, up to three, while
    each halves the hubness of features that have hubs.

    Args:
        features: [N, D], of any scale, N at least 2.
        wanted: ``none``, ``auto``, ``distance``, or ``center``, ``standardize``, ``pca`` or
            ``whiten``, with ``-n`` to leave out the first n directions.

    Raises:
        UsageError: if nothing would be left of the features.
    """
    width = features.shape[1]
    if wanted == "none":
        return Fitted(PreparedSpace("none", width), "")
    if wanted == "auto":
        return _choose(features)
    kind, _, dropped = wanted.partition("-")
    return Fitted(_fit(features, kind, n_dropped=int(dropped or 0)), "")


def _choose(features: AnyFeatures) -> Fitted:
    width = features.shape[1]
    if width <= FEW_COLUMNS:
        return Fitted(_fit(features, "distance", n_dropped=0), f"only {count(width, 'column')}")
    variance = _statistics(features, unit=False).variance
    evenness = evenness_of_columns(variance)
    kind = "standardize" if is_uneven(variance, least=EVEN_AT_LEAST) else "center"
    best = _fit(features, kind, n_dropped=0)
    reason = f"the columns vary as if {evenness * width:.0f} of {width} counted"
    if kind == "center":
        reason = f"their mean makes {_share_of_mean(features):.0%} of their squared length"
    sample = read_rows(features, sample_rows(len(features)))
    hubs = hubness(best(sample))
    if hubs < HUBS_FROM:
        return Fitted(best, f"{reason}; hubness {hubs:.1f}")
    story = f"{hubs:.1f}"
    for n_dropped in range(1, min(MOST_DROPPED, width - 1) + 1):
        candidate = _fit(features, kind, n_dropped=n_dropped)
        left = hubness(candidate(sample))
        along = best(sample) @ cast("torch.Tensor", candidate.dropped)[:, -1]
        if left > HUBS_AT_MOST_LEFT * hubs or left_by_two_groups(along) < TWO_GROUPS_LEAVE:
            break
        best, hubs, story = candidate, left, f"{story}, {left:.1f} without direction {n_dropped}"
    return Fitted(best, f"{reason}; hubness {story}")


def _fit(features: AnyFeatures, kind: str, *, n_dropped: int) -> PreparedSpace:
    unit = kind == "center"
    statistics = _statistics(features, unit=unit)
    tensors = {"mean": statistics.mean.float()}
    if kind == "distance":
        # Medians here, as a few far away would leave nothing of the angles between the others.
        tensors["mean"] = read_rows(features, sample_rows(len(features))).median(dim=0).values
    uneven = is_uneven(statistics.variance, least=EVEN_AT_LEAST)
    if kind == "standardize" or (kind == "distance" and uneven):
        deviation = statistics.variance.sqrt()
        least = (LEAST_SHARE * statistics.mean.abs()).clamp_min(torch.finfo(torch.float32).tiny)
        tensors["scale"] = torch.where(deviation > least, 1.0 / deviation.maximum(least), 0.0)
        tensors["scale"] = tensors["scale"].float()
    name = f"{kind}-{n_dropped}" if n_dropped else kind
    width = features.shape[1]
    if n_dropped >= width:
        raise UsageError(
            f"neighbors.prepare = {name} leaves nothing of features with {count(width, 'column')}: "
            "leave out fewer directions"
        )
    if n_dropped or kind in ("pca", "whiten"):
        plain = PreparedSpace(kind, width, tensors=tensors)
        step = -(-len(features) // LARGEST_SAMPLE)
        values, vectors = _principal_directions(features[::step], plain)
        if kind in ("pca", "whiten"):
            kept = slice(n_dropped, n_dropped + COMPONENTS)
            held = values[kept] > 1e-9 * values[0].clamp_min(1e-300)
            axes = vectors[:, kept][:, held]
            if kind == "whiten":
                axes = axes / values[kept][held].sqrt()
            tensors["axes"] = axes.float().contiguous()
        else:
            tensors["dropped"] = vectors[:, :n_dropped].float().contiguous()
    if kind == "distance":
        plain = PreparedSpace(kind, width, tensors=tensors)
        tensors["height"] = fitting_height(plain, features)
    return PreparedSpace(name, width, tensors=tensors)


def fitting_height(space: PreparedSpace, features: AnyFeatures) -> torch.Tensor:
    """The further column [1] over which angles between features [N, D] are as distances.

    Args:
        space: prepares them, without such a column.
        features: [N, D].
    """
    lengths = space(read_rows(features, sample_rows(len(features)))).double().norm(dim=1)
    least = torch.finfo(torch.float32).tiny
    height: torch.Tensor = (HEIGHT * lengths.median()).clamp_min(least).float().reshape(1)
    return height


def _statistics(features: AnyFeatures, *, unit: bool) -> ColumnStatistics:
    chunks = (
        read_rows(features, slice(start, start + CHUNK)) for start in range(0, len(features), CHUNK)
    )
    return ColumnStatistics.of(map(unit_length, chunks) if unit else chunks)


def _principal_directions(
    features: AnyFeatures, space: PreparedSpace
) -> tuple[torch.Tensor, torch.Tensor]:
    """Variances [D] and directions [D, D] of prepared features, float64, the largest first.

    Each direction points to where its largest entry is positive, whatever found it.
    """
    scatter = torch.zeros((), dtype=torch.float64)
    for start in range(0, len(features), CHUNK):
        prepared = space(read_rows(features, slice(start, start + CHUNK))).double()
        scatter = scatter + prepared.T @ prepared
    values, vectors = torch.linalg.eigh(scatter / len(features))
    vectors = vectors.flip(1)
    largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    return values.flip(0).clamp_min(0.0), vectors * largest.sign()


def _share_of_mean(features: AnyFeatures) -> float:
    """Squared length of the mean over the mean squared length."""
    statistics = _statistics(features, unit=True)
    of_mean = float(statistics.mean.square().sum())
    return of_mean / max(of_mean + float(statistics.variance.sum()), 1e-300)


def read_rows(features: AnyFeatures, rows: slice | torch.Tensor) -> torch.Tensor:
    """Some rows of features [N, D], float32 [n, D]."""
    chosen = features[rows if isinstance(rows, slice) else rows.numpy()]
    return torch.from_numpy(np.array(chosen, dtype=np.float32))
