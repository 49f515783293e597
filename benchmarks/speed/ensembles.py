"""Consensus functions against the counting that they cannot do without."""

from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.label_matrices import make_label_matrix
from benchmarks.speed.measurement import Measurement, Work, against_each
from benchmarks.speed.size import Size
from ucls.ensemble import consensus

ALL_PAIRS = "overlap tables of all pairs of heads"
ONE_HEAD = "overlap tables of one head with the others"
REFERENCES = {"mcla": (ALL_PAIRS,), "vote": (ALL_PAIRS, ONE_HEAD)}


def ensemble_ratios(size: Size, *, repeats: int) -> list[Measurement]:
    """Times consensus methods on made-up heads against bare counting.

    Whatever MCLA does afterwards, it needs the overlap of each two clusters of different heads, and
    so one count for each image and pair of heads: ``bincount`` over all pairs is the least that it
    can take. ``vote`` needs as much to find the head that is most central, as it is defined; with a
    head that is given it would still have to be aligned with the others, which takes the tables of
    that head alone. Neither reference numbers clusters, votes, or tells how sure the result is.

    Args:
        size: N, C and H.
        repeats: turns that are timed.
    """
    n_clusters, n_heads = size.n_clusters, size.n_heads
    _, heads = make_label_matrix(size.n_images, n_clusters, n_heads=n_heads, mode="hard")
    counts: dict[str, Work] = {
        ALL_PAIRS: lambda: count_tables(heads, n_clusters, n_first=n_heads),
        ONE_HEAD: lambda: count_tables(heads, n_clusters, n_first=1),
    }
    return [
        measurement
        for method, names in REFERENCES.items()
        for measurement in against_each(
            f"{method} of {n_heads} heads, {size.n_images:,} images, C={n_clusters:,} (hard)",
            partial(consensus, heads, n_clusters, method=method),
            {name: counts[name] for name in names},
            repeats=repeats,
        )
    ]


def count_tables(heads: npt.NDArray[np.int32], n_clusters: int, *, n_first: int) -> int:
    """Counts overlap tables and keeps none of them.

    Args:
        heads: int32 [H, N] in 0..C-1.
        n_clusters: C, at most 46,340.
        n_first: each of so many heads is counted with every later one.

    Returns:
        How many tables there were.
    """
    n_heads, n_images = heads.shape
    cells = np.empty(n_images, dtype=np.int32)
    n_tables = 0
    for first in range(n_first):
        rows = heads[first] * np.int32(n_clusters)
        for other in range(first + 1, n_heads):
            np.add(rows, heads[other], out=cells)
            np.bincount(cells, minlength=n_clusters * n_clusters)
            n_tables += 1
    return n_tables
