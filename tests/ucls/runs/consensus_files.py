from pathlib import Path

from ucls.cache import Assignments, ConsensusEntry, read_consensus
from ucls.runs.heads import heads_of
from ucls.runs.run import Run


def entries(path: Path) -> dict[str, ConsensusEntry]:
    return read_consensus(path / "consensus.h5")[0]


def chosen(path: Path) -> str | None:
    return read_consensus(path / "consensus.h5")[1]


def merged_heads(path: Path) -> Assignments:
    """What the heads of a run say, as its consensus sees them."""
    return heads_of(Run(path))


def names(path: Path) -> list[str]:
    return sorted(entries(path))
