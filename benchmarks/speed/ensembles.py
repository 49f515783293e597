"""Consensus functions against the counting that they cannot do without."""

from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.label_matrices import make_label_matrix
from benchmarks.speed.measurement import Measurement, Size, against_each
from ucls.ensemble import consensus

ALL_PAIRS = "overlap tables of all pairs of heads"
ONE_HEAD = "overlap tables of one head with the others"


def ensemble_ratios(size: Size, *, repeats: int) -> list[Measurement]:
    """Times consensus methods on made-up heads against the counting of overlaps that they need.

    With a central head that is given, ``vote`` would need the tables of that head alone.
    """
    n_clusters, n_heads = size.n_clusters, size.n_heads
    _, heads = make_label_matrix(size.n_images, n_clusters, n_heads=n_heads, mode="hard")
    what = f"of {n_heads} heads, {size.n_images:,} images, C={n_clusters:,} (hard)"
    counts = {ALL_PAIRS: partial(count_tables, heads, n_clusters, n_first=n_heads)}
    found = []
    for method in ("mcla", "vote"):
        ours = partial(consensus, heads, n_clusters, method=method)
        found += against_each(f"{method} {what}", ours, counts, repeats=repeats)
        counts[ONE_HEAD] = partial(count_tables, heads, n_clusters, n_first=1)
    return found


def count_tables(heads: npt.NDArray[np.int32], n_clusters: int, *, n_first: int) -> None:
    """Counts overlap tables of the first heads [H, N] with all later ones; C is 46,340 at most."""
    n_heads, n_images = heads.shape
    cells = np.empty(n_images, dtype=np.int32)
    for first in range(n_first):
        rows = heads[first] * np.int32(n_clusters)
        for other in range(first + 1, n_heads):
            np.add(rows, heads[other], out=cells)
            np.bincount(cells, minlength=n_clusters * n_clusters)
