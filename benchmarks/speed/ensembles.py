"""Consensus functions against the counting that they cannot do without."""

from collections.abc import Iterable
from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.label_matrices import make_label_matrix
from benchmarks.speed.measurement import Measurement, Work, against_each
from ucls.ensemble import consensus

Labels = npt.NDArray[np.int32]

ALL_PAIRS = "overlap tables of all pairs of heads"
ONE_HEAD = "overlap tables of one head with the others"
REFERENCES = {"mcla": (ALL_PAIRS,), "vote": (ALL_PAIRS, ONE_HEAD)}


def ensemble_ratios(
    n_images: int,
    n_clusters: int,
    n_heads: int,
    *,
    repeats: int,
    mode: str = "hard",
    methods: Iterable[str] = ("mcla", "vote"),
) -> list[Measurement]:
    """Times consensus methods on made-up heads against bare counting.

    Whatever MCLA does afterwards, it needs the overlap of each two clusters of different heads, and
    so one count for each image and pair of heads: ``bincount`` over all pairs is the least that it
    can take. ``vote`` needs as much to find the head that is most central, as it is defined; with a
    head that is given it would still have to be aligned with the others, which takes the tables of
    that head alone. Neither reference numbers clusters, votes, or tells how sure the result is.

    Args:
        n_images: N.
        n_clusters: C, of the heads and of the consensus.
        n_heads: H.
        repeats: turns that are timed.
        mode: of the heads, see :mod:`benchmarks.label_matrices`.
        methods: of the consensus, some of ``mcla`` and ``vote``.
    """
    _, heads = make_label_matrix(n_images, n_clusters, n_heads=n_heads, mode=mode)
    counts: dict[str, Work] = {
        ALL_PAIRS: lambda: count_tables(heads, n_clusters, n_first=n_heads),
        ONE_HEAD: lambda: count_tables(heads, n_clusters, n_first=1),
    }
    measurements = []
    for method in methods:
        measurements += against_each(
            f"{method} of {n_heads} heads, {n_images:,} images, C={n_clusters:,} ({mode})",
            partial(consensus, heads, n_clusters, method=method),
            {name: counts[name] for name in REFERENCES[method]},
            repeats=repeats,
        )
    return measurements


def count_tables(heads: Labels, n_clusters: int, *, n_first: int) -> int:
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
    for i in range(n_first):
        rows = heads[i] * np.int32(n_clusters)
        for j in range(i + 1, n_heads):
            np.add(rows, heads[j], out=cells)
            np.bincount(cells, minlength=n_clusters * n_clusters)
            n_tables += 1
    return n_tables
