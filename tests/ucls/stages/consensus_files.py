from pathlib import Path

from ucls.cache import ConsensusEntry, read_consensus


def entries(path: Path) -> dict[str, ConsensusEntry]:
    return read_consensus(path / "consensus.h5")[0]


def chosen(path: Path) -> str | None:
    return read_consensus(path / "consensus.h5")[1]


def names(path: Path) -> list[str]:
    return sorted(entries(path))
