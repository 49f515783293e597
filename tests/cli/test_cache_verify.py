from pathlib import Path

import h5py
import pytest

from tests.conftest import Cli
from ucls.cache import find_cache


@pytest.fixture
def cached(cli: Cli, sources: Path) -> Path:
    """The cache of a feature file with both of its splits."""
    cli("extract", sources / "blobs.npz", "--val", sources / "blobs-val.npz")
    return find_cache("blobs-train")


def test_a_good_cache(cli: Cli, cached: Path) -> None:
    outcome = cli("cache", "verify", "blobs-train", "--device", "cpu")
    assert (outcome.exit_code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == cached.name
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["chunks", "ok"], ["fingerprint", "ok"], ["sample", "ok"]
    ]  # fmt: skip
    assert lines[-1] == "no check failed in 1 cache"


def test_all_caches_and_a_failure(cli: Cli, cached: Path) -> None:
    with h5py.File(cached, "r+") as file:
        file["cls"][0, 3, 0, 0] += 100
    outcome = cli("cache", "verify", "--all", "--device", "cpu", "--sample", 120)
    assert (outcome.exit_code, outcome.err) == (1, "")
    lines = outcome.out.splitlines()
    assert "chunks      failed        cls rows 0 to 119" in outcome.out
    assert "sample      failed" in outcome.out
    assert sum("fingerprint ok" in line for line in lines) == 2
    assert lines[-1] == f"  ucls cache rm {cached}"


def test_wrong_use(cli: Cli, cached: Path) -> None:
    for arguments in ((), ("blobs-train", "--all")):
        outcome = cli("cache", "verify", *arguments)
        assert outcome.exit_code == 2
        assert "expected names of feature caches, or --all" in outcome.err
    assert "2 feature caches begin with 'blobs'" in cli("cache", "verify", "blobs").err
