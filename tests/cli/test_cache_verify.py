import shutil
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
    assert lines[-1] == "1 cache: nothing failed"


def test_what_could_not_be_checked_is_counted(cli: Cli, sources: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        source = shutil.copy(sources / "blobs.npz", tmp_path / name)
        cli("extract", source)
    Path(tmp_path / "one" / "blobs.npz").unlink()
    outcome = cli("cache", "verify", "--all", "--device", "cpu")
    assert (outcome.exit_code, outcome.err) == (0, "")
    expected = "2 caches: nothing failed, 2 checks were not possible"
    assert outcome.out.splitlines()[-1] == expected


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


def test_a_wrong_sample_fails_before_anything_is_checked(cli: Cli, cached: Path) -> None:
    outcome = cli("cache", "verify", "--all", "--sample", 0)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert "--sample" in outcome.err


def test_wrong_use(cli: Cli, cached: Path) -> None:
    for arguments in ((), ("blobs-train", "--all")):
        outcome = cli("cache", "verify", *arguments)
        assert outcome.exit_code == 2
        assert "expected names of feature caches, or --all" in outcome.err
    assert "2 feature caches begin with 'blobs'" in cli("cache", "verify", "blobs").err
