"""Features without what tells clusters apart that are known already.

Orthogonal projection, as in Cui, Fern & Dy (Non-redundant multi-view clustering via
orthogonalization, ICDM 2007). Where the means of all clusters are the same, no linear classifier
tells one from another (Belrose et al., LEACE, NeurIPS 2023).

Shapes: N images, D features of a space, d prepared ones, C clusters.
"""

from collections.abc import Iterator

import numpy as np
import torch

from ucls.errors import NothingLeftError
from ucls.preparation.fitting import fitting_height, read_rows
from ucls.preparation.prepared import CHUNK, OMIT, PreparedSpace
from ucls.tables import AnyFeatures
from ucls.types import Labels
from ucls.wording import count

APART = "-apart"
"""Ends the kind of a space that clusters were left out of."""
TELLS_FROM = 0.1
"""Share of the variance along a direction that lies between clusters, from which on it tells them
apart. All means of C clusters differ along C - 1 directions, but along most of these by chance."""
LEAST_LEFT = 1e-6
"""Share of the variance below which what is left is rounding."""


def leave_out(space: PreparedSpace, features: AnyFeatures, clusters: Labels) -> PreparedSpace:
    """The preparation that also leaves out the directions that tell clusters apart.

    They are principal directions of the clusters' means, at most C - 1, see :data:`TELLS_FROM`.

    Args:
        space: how the features are prepared otherwise.
        features: [N, D] of this space.
        clusters: of the same images, int32 [N]; -1 is none.

    Raises:
        NothingLeftError: if nothing would be left of the features.
    """
    if space.kind == OMIT:
        return space
    tensors = {name: value for name, value in space.named_buffers() if name != "height"}
    flat = PreparedSpace(space.kind, space.width, tensors=tensors)
    directions = telling_directions(flat, features, clusters)
    if space.axes is None:
        earlier = space.dropped if space.dropped is not None else directions[:, :0]
        dropped = torch.cat([earlier.double(), directions], dim=1)
        tensors["dropped"] = torch.linalg.qr(dropped).Q.float()
    else:
        whole = torch.linalg.qr(directions, mode="complete").Q
        tensors["axes"] = (space.axes.double() @ whole[:, directions.shape[1] :]).float()
    kind = f"{space.kind.removesuffix(APART)}{APART}"
    rest = PreparedSpace(kind, space.width, tensors=tensors)
    _check_left(flat, rest, features)
    if space.height is not None:
        tensors["height"] = fitting_height(rest, features)
    return PreparedSpace(kind, space.width, tensors=tensors)


def telling_directions(
    space: PreparedSpace, features: AnyFeatures, clusters: Labels
) -> torch.Tensor:
    """Orthonormal directions [d, n] of prepared features that tell clusters apart, float64.

    Args:
        space: prepares the features.
        features: [N, D].
        clusters: int32 [N], C of them; -1 is none.
    """
    numbers = torch.from_numpy(clusters.astype(np.int64))
    n_clusters = int(numbers.max()) + 1
    sums = torch.zeros(n_clusters, space.prepared_width, dtype=torch.float64)
    for rows, prepared in _chunks(space, features):
        known = numbers[rows] >= 0
        sums.index_add_(0, numbers[rows][known], prepared[known])
    sizes = torch.bincount(numbers[numbers >= 0], minlength=n_clusters).double()
    mean = sums.sum(dim=0) / sizes.sum()
    means = sums / sizes.clamp_min(1.0)[:, None] - mean
    spread = (sizes / sizes.sum()).sqrt()[:, None] * means
    _, deviations, directions = torch.linalg.svd(spread, full_matrices=False)
    total = torch.zeros(len(directions), dtype=torch.float64)
    for rows, prepared in _chunks(space, features):
        along = (prepared[numbers[rows] >= 0] - mean) @ directions.T
        total = total + along.square().sum(dim=0)
    variance = (total / sizes.sum()).clamp_min(1e-300)
    tells: torch.Tensor = directions[deviations.square() >= TELLS_FROM * variance]
    return tells.T.contiguous()


def _check_left(before: PreparedSpace, after: PreparedSpace, features: AnyFeatures) -> None:
    """Refuses a preparation that leaves nothing but rounding."""
    if _variance(after, features) > LEAST_LEFT * _variance(before, features):
        return
    raise NothingLeftError(
        f"the clusters that are known differ along every direction of the features, "
        f"which have {count(before.width, 'column')}"
    )


def _variance(space: PreparedSpace, features: AnyFeatures) -> float:
    """Of all columns together."""
    total, squares = torch.zeros(space.prepared_width, dtype=torch.float64), 0.0
    for _, prepared in _chunks(space, features):
        total, squares = total + prepared.sum(dim=0), squares + float(prepared.square().sum())
    return squares / len(features) - float((total / len(features)).square().sum())


def _chunks(space: PreparedSpace, features: AnyFeatures) -> Iterator[tuple[slice, torch.Tensor]]:
    """Which rows, and these prepared, float64 [n, d]."""
    for start in range(0, len(features), CHUNK):
        rows = slice(start, start + CHUNK)
        yield rows, space(read_rows(features, rows)).double()
