import os
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import Cli, StartUcls


@pytest.fixture
def digits(cli: Cli, own_cache: Path) -> list[Path]:
    """The caches of both splits."""
    cli("extract", "digits")
    return sorted(own_cache.glob("*.h5"))


def test_named_caches_are_removed(cli: Cli, digits: list[Path], own_cache: Path) -> None:
    size = digits[0].stat().st_size
    outcome = cli("cache", "rm", "digits-train", digits[0].name)
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"removed {digits[0]} (")
    assert outcome.out.endswith(f"1 cache removed, {size / 1e3:.0f} kB ({size:,} bytes) freed\n")
    assert not list(own_cache.glob(f"{digits[0].name}*"))
    assert digits[1].exists()


def test_a_wrong_name_removes_nothing(cli: Cli, digits: list[Path]) -> None:
    outcome = cli("cache", "rm", "digits-val", "x")
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert "no feature cache begins with 'x'" in outcome.err
    assert all(path.exists() for path in digits)


def test_all_need_a_yes(cli: Cli, digits: list[Path], own_cache: Path) -> None:
    outcome = cli("cache", "rm", "--all")
    assert outcome.exit_code == 2
    assert "--all would remove 2 caches: pass --yes too" in outcome.err
    assert all(path.exists() for path in digits)
    assert cli("cache", "rm", "--all", "--yes").exit_code == 0
    assert not list(own_cache.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "exit_code", "n_left"),
    [(b"n\n", 1, 2), (b"\x04", 1, 2), (b"y\n", 0, 0)],
)
def test_a_terminal_is_asked(
    digits: list[Path], start_ucls: StartUcls, answer: bytes, exit_code: int, n_left: int
) -> None:
    keyboard, terminal = os.openpty()
    os.write(keyboard, answer)
    process = start_ucls("cache", "rm", "--all", stdin=terminal)
    out, err = process.communicate()
    assert "Remove all 2 caches?" in out
    assert err.splitlines()[-1:] == ["ucls: error: nothing was removed"][:exit_code]
    assert process.returncode == exit_code
    assert sum(path.exists() for path in digits) == n_left


def test_a_cache_that_is_being_written_stays(cli: Cli, digits: list[Path]) -> None:
    with FileLock(f"{digits[0]}.lock"):
        outcome = cli("cache", "rm", "digits-train")
    assert outcome.exit_code == 1
    assert "another process is writing" in outcome.err
    assert digits[0].exists()
