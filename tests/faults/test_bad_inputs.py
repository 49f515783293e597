"""Whatever a file holds, it is read, or refused in words of our own: no traceback, no hang."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from bad_inputs import EDITS, PARSERS, Edit, Parser, spoil
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from ucls.ensemble import consensus
from ucls.errors import UclsError
from ucls.settings.config import read_config
from ucls.settings.given import parse_setting
from ucls.sources import load_source

LIMIT = 20
"""Seconds for one input."""
OF_FUNCTIONS = 3
"""Properties of functions; they share the budget with the parsers."""


@contextmanager
def refused_or_read() -> Iterator[None]:
    """Lets errors of our own pass, and stops what takes too long."""

    def stop(*_: object) -> None:
        raise AssertionError(f"takes more than {LIMIT} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        yield
    except UclsError as error:
        if not str(error).strip():
            pytest.fail("it says nothing")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check(request: pytest.FixtureRequest, strategy: Any, test: Any) -> None:
    """Tries a share of ``--inputs`` on a test."""
    n_examples = max(1, request.config.getoption("--inputs") // (len(PARSERS) + OF_FUNCTIONS))
    chosen = hypothesis.settings(
        max_examples=n_examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    seed = hypothesis.seed(request.config.getoption("--fault-seed"))
    seed(chosen(given(strategy)(test)))()


@pytest.fixture(scope="module")
def run(shared_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run to spoil the files of, and its cache beside it."""
    folder = tmp_path_factory.mktemp("spoiled")
    shutil.copytree(shared_run, folder / "run")
    (folder / "cache").mkdir()
    (cache,) = (shared_run.parent / "cache").glob("blobs-train-*.h5")
    shutil.copy(cache, folder / "cache" / "blobs-train")
    return folder / "run"


@pytest.mark.slow
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_spoiled_files_are_read_or_refused(
    parser: Parser, run: Path, request: pytest.FixtureRequest
) -> None:
    path = run / parser.file
    kept = path.read_bytes() if path.exists() else None
    parser.make(path, run)
    good = path.read_bytes()

    def spoiled(edits: list[Edit]) -> None:
        path.write_bytes(spoil(good, edits))
        with refused_or_read():
            parser.read(path)

    try:
        with refused_or_read():
            parser.read(path)
        check(request, EDITS, spoiled)
    finally:
        path.unlink()
        if kept is not None:
            path.write_bytes(kept)


@pytest.mark.slow
def test_any_matrix_has_a_consensus_or_is_refused(request: pytest.FixtureRequest) -> None:
    def combined(drawn: tuple[list[list[int]], int]) -> None:
        with refused_or_read():
            consensus(np.array(drawn[0]), drawn[1])

    numbers = st.one_of(st.integers(-2, 4), st.sampled_from([-(2**31), 2**31 - 1, 10**5]))
    width = st.shared(st.integers(0, 12), key="width")
    rows = st.lists(width.flatmap(lambda n: st.lists(numbers, min_size=n, max_size=n)), max_size=4)
    check(request, st.tuples(rows, st.integers(-1, 6)), combined)


@pytest.mark.slow
def test_any_setting_is_taken_or_refused(request: pytest.FixtureRequest) -> None:
    names = st.sampled_from(["seed", "n_clusters", "train", "train.epochs", "extract.workers", "x"])
    texts = st.one_of(st.text(max_size=20), st.sampled_from(["1e999", "[[1]]", "-1", "nan", "{}"]))

    def given_setting(drawn: tuple[str, str]) -> None:
        with refused_or_read():
            name, value = parse_setting(f"{drawn[0]}={drawn[1]}")
            tree: Any = value
            for part in reversed(name.split(".")):
                tree = {part: tree}
            read_config(tree)

    check(request, st.tuples(st.one_of(names, st.text(max_size=9)), texts), given_setting)


def test_any_source_is_opened_or_refused(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def opened(name: str) -> None:
        with refused_or_read():
            load_source(name)

    texts = st.text(st.characters(exclude_characters="~"), max_size=30)
    patterns = st.sampled_from(["{0..99999999}.tar", "{" * 30, "a{1..2", "\0", "a" * 5000, "*"])
    check(request, st.one_of(texts, patterns), opened)
