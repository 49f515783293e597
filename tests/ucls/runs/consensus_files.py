from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ucls.cache import Assignments, ConsensusEntry, read_consensus, read_graph
from ucls.merging.partitions import PER_HEAD, partition_graph
from ucls.runs.heads import heads_of
from ucls.runs.run import Run
from ucls.types import Labels


def entries(path: Path) -> dict[str, ConsensusEntry]:
    return read_consensus(path / "consensus.h5")[0]


def chosen(path: Path) -> str | None:
    return read_consensus(path / "consensus.h5")[1]


def merged_heads(path: Path) -> Assignments:
    """What the heads of a run say, as its consensus sees them."""
    return heads_of(Run(path))


def voters(path: Path, heads: Sequence[int]) -> Labels:
    """What the heads and the partitions of the graph say of the training images of a run."""
    run, n_partitions = Run(path), PER_HEAD * len(heads)
    parts = partition_graph(
        read_graph(path / "neighbors.h5"),
        run.n_clusters,
        n_partitions=n_partitions,
        seed=run.config.seed,
    )
    return np.concatenate([heads_of(run).labels["train"][list(heads)], parts])


def names(path: Path) -> list[str]:
    return sorted(entries(path))
