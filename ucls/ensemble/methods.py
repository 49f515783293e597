"""The consensus methods by name, and what each of them needs."""

from collections.abc import Callable
from typing import NamedTuple

from ucls.ensemble.cspa import cspa
from ucls.ensemble.hbgf import hbgf
from ucls.ensemble.head_weights import HeadWeights
from ucls.ensemble.hgpa import hgpa
from ucls.ensemble.mcla import VertexWeights, mcla
from ucls.ensemble.nmf import MAX_ITERATIONS, nmf
from ucls.ensemble.steps import Steps
from ucls.ensemble.vote import vote
from ucls.types import Labels


class Options(NamedTuple):
    """What methods may use; see :func:`ucls.ensemble.consensus`."""

    seed: int
    min_jaccard: float
    vertex_weights: VertexWeights
    revote: bool
    imbalance: float | None
    weights: HeadWeights
    advance: Steps


class Method(NamedTuple):
    """A way to combine heads."""

    run: Callable[..., Labels]
    options: tuple[str, ...]
    """Those of :class:`Options` that it takes."""
    n_steps: Callable[[int], int]
    """How often it tells of its progress, given the number of heads."""
    work: Callable[[Labels, int], float] = lambda labels, n_clusters: 0.0
    """Grows as its time does, given labels [H, N] and the number of clusters."""
    largest: float = float("inf")
    """The most work with which it takes part in ``all``: a few minutes on two cores."""

    def combine(self, labels: Labels, n_clusters: int, options: Options) -> Labels:
        """Runs it: labels int32 [H, N] to int32 [N]."""
        values = options._asdict()
        return self.run(labels, n_clusters, **{name: values[name] for name in self.options})


def n_pairs(n_heads: int) -> int:
    """Pairs of different heads."""
    return n_heads * (n_heads - 1) // 2


METHODS: dict[str, Method] = {
    "mcla": Method(
        mcla, ("seed", "min_jaccard", "vertex_weights", "revote", "weights", "advance"), n_pairs
    ),
    "vote": Method(vote, ("weights", "advance"), n_pairs),
    "hbgf": Method(hbgf, ("seed", "imbalance", "advance"), lambda n_heads: 1),
    "cspa": Method(
        cspa,
        ("seed", "imbalance", "advance"),
        lambda n_heads: 1,
        # Pairs of images that a head puts together, over all heads, if classes are equal.
        work=lambda labels, n_clusters: labels.size * labels.shape[1] / n_clusters,
        largest=1e10,
    ),
    "nmf": Method(
        nmf,
        ("seed", "advance"),
        lambda n_heads: n_pairs(n_heads) + MAX_ITERATIONS,
        # Multiplications of an iteration.
        work=lambda labels, n_clusters: labels.shape[1] * n_clusters * (len(labels) + n_clusters),
        largest=1e10,
    ),
    "hgpa": Method(
        hgpa,
        ("seed", "imbalance", "advance"),
        lambda n_heads: 1,
        work=lambda labels, n_clusters: labels.size,
        largest=1e7,
    ),
}
"""In the order in which ``all`` runs them; of equals it keeps the first."""


ALL = "all"
METHOD_NAMES = (*METHODS, ALL)


def n_steps(method: str, n_heads: int) -> int:
    """How often a consensus of ``n_heads`` heads tells of its progress; ``method`` may be all."""
    methods = METHODS.values() if method == ALL else [METHODS[method]]
    return sum(one.n_steps(n_heads) for one in methods)
