"""HGPA, the HyperGraph Partitioning Algorithm (Strehl & Ghosh, 2002, section 3.3)."""

import os
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ucls.ensemble.available_memory import require_memory
from ucls.ensemble.label_matrix import count_clusters
from ucls.ensemble.method import Method
from ucls.ensemble.partitioning import IMBALANCE
from ucls.errors import UclsError
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels

BYTES_PER_LABEL = 90
"""Peak memory over the number of labels, H * N; measured."""
DEFAULT_IMBALANCE = 0.05


def hgpa(
    labels: Labels,
    n_clusters: int,
    *,
    seed: int = 0,
    imbalance: float | None = None,
    advance: Advance = ignore_progress,
) -> Labels:
    """Cuts the hypergraph of images, whose hyperedges are the clusters of all heads.

    The weakest of the methods: every cluster that heads do not fully agree on is cut anyhow, so the
    cut says little. ACC was 0.24 to 0.54 on the made-up heads of ``benchmarks/label_matrices.py``,
    where MCLA has 0.92 to 1; where heads agree as much as on digits it was 0.93, like MCLA's. The
    parts minimise the number of parts that the hyperedges reach (connectivity minus one); the
    number of cut hyperedges, as in the paper, is the same for nearly every partition.

    Args:
        labels: compact heads, int32 [H, N], H at least 2; no image is missing in all heads.
        n_clusters: number of clusters of the consensus.
        seed: seed of Mt-KaHyPar. Its deterministic preset gives the same parts on any number of
            threads, and so far for any seed.
        imbalance: how far a part may exceed the mean size; None is ``DEFAULT_IMBALANCE``.
        advance: told once, at the end.

    Returns:
        int32 [N] in 0..n_clusters-1.

    Raises:
        UsageError: the hypergraph would not fit into memory.
        UclsError: Mt-KaHyPar is not installed.
    """
    require_memory(
        "hgpa", BYTES_PER_LABEL * labels.size, because=f"a hypergraph of {labels.size:,} pins"
    )
    partitioner, initializer = _mtkahypar()
    context = initializer.context_from_preset(partitioner.PresetType.DETERMINISTIC)
    balance = DEFAULT_IMBALANCE if imbalance is None else imbalance
    context.set_partitioning_parameters(n_clusters, balance, partitioner.Objective.KM1)
    context.logging = False
    partitioner.set_seed(seed)
    edges = hyperedges(labels)
    hypergraph = initializer.create_hypergraph(context, labels.shape[1], len(edges), edges)
    parts = hypergraph.partition(context).get_partition()
    advance(1)
    return np.asarray(parts, dtype=np.int32)


def hyperedges(labels: Labels) -> list[npt.NDArray[np.int64]]:
    """The images of every cluster of every head, head after head.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.
    """
    edges: list[npt.NDArray[np.int64]] = []
    for head in labels:
        images = np.argsort(head, kind="stable")
        bounds = np.searchsorted(head[images], np.arange(count_clusters(head) + 1))
        edges += np.split(images, bounds)[1:-1]
    return edges


@cache
def _mtkahypar() -> tuple[Any, Any]:
    """The module and its thread pool, of which a process has one."""
    try:
        import mtkahypar
    except ImportError as error:
        raise UclsError(
            "hgpa needs Mt-KaHyPar, which is not installed: pip install mtkahypar, or use another "
            "method (mcla and vote are much better)"
        ) from error
    return mtkahypar, mtkahypar.initialize(os.cpu_count() or 1, print_warnings=False)


HGPA = Method(
    name="hgpa",
    help="cuts the hypergraph of all clusters, for comparison: it is weak by nature",
    run=hgpa,
    n_steps=lambda n_heads: 1,
    options=(IMBALANCE,),
    work=lambda labels, n_clusters: labels.size,
    largest=1e7,
)
