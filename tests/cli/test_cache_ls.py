from pathlib import Path

import pytest

from tests.conftest import Cli
from ucls.cache import FeatureCacheWriter, open_cache, partial_path


def test_no_caches(cli: Cli, own_cache: Path) -> None:
    outcome = cli("cache", "ls")
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert outcome.out == f"no feature caches in {own_cache}; make one: ucls extract digits\n"


def test_caches_are_listed_with_their_state(cli: Cli, own_cache: Path) -> None:
    assert cli("extract", "digits").exit_code == 0
    with open_cache("digits-train") as cache:
        path, spec = cache.path, cache.spec
    path.unlink()
    with FeatureCacheWriter(path, spec, 10_000):
        pass
    (own_cache / "zoo-train-b-224-00000000.h5").write_bytes(b"no HDF5")
    outcome = cli("cache", "ls")
    assert (outcome.exit_code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    (train,) = [line for line in lines if line.startswith("digits-train-pixels-8-")]
    (val,) = [line for line in lines if line.startswith("digits-val-pixels-8-")]
    (damaged,) = [line for line in lines if line.startswith("zoo")]
    assert train.rstrip().endswith(" 0 %")
    assert "10,000" in train
    assert "complete" in val
    assert "360" in val
    assert "unreadable" in damaged
    (problem,) = [line for line in lines if line.startswith("problem: ")]
    assert "zoo-train-b-224-00000000.h5 is truncated or not an HDF5 file" in problem
    assert lines[-1].startswith("3 caches, ")
    assert partial_path(path).exists()


def test_another_folder(cli: Cli, tmp_path: Path) -> None:
    cli("extract", "digits", "--cache-dir", tmp_path / "other")
    assert "2 caches" in cli("cache", "ls", "--cache-dir", tmp_path / "other").out
    assert "no feature caches" in cli("cache", "ls").out


def test_60_columns_keep_the_whole_name_and_the_state(
    cli: Cli, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    monkeypatch.setenv("COLUMNS", "60")
    cli("extract", "digits")
    lines = cli("cache", "ls").out.splitlines()
    rows = [line.split("│") for line in lines if "│" in line]
    assert max(map(len, lines[2:-1])) <= 60
    assert len(rows) <= 4
    assert "".join(row[0].strip() for row in rows) == "".join(
        path.name for path in sorted(own_cache.glob("*.h5"))
    )
    assert [row[-1].strip() for row in rows if row[-1].strip()] == ["complete", "complete"]
