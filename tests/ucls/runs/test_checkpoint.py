from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ucls.runs.checkpoint import SHARE, VERSION, Checkpoint, Unfinished
from ucls.runs.run import Run
from ucls.stages.neighbors import neighbors

Arrays = dict[str, NDArray[np.float32]]

NOTHING = Unfinished([], {}, [])


def arrays(seed: int) -> Arrays:
    values = np.random.default_rng(seed).normal(size=(3, 2)).astype(np.float32)
    return {"tensors.heads.weight.0": values, "labels.train": values[0], "loss": values[1]}


def same(found: Unfinished, groups: list[Arrays], state: Arrays, log: list[str]) -> bool:
    for arrays_found, expected in zip([*found.groups, found.state], [*groups, state], strict=True):
        assert arrays_found.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(arrays_found[name], value)
    return found.log == log


@pytest.mark.parametrize("n_groups", [0, 1, 12])
@pytest.mark.parametrize("state", [{}, {"epoch": np.array(3), "objective.w": np.ones(2)}])
def test_what_is_saved_is_found_again(run_path: Path, n_groups: int, state: Arrays) -> None:
    groups, log = [arrays(group) for group in range(n_groups)], ['{"epoch": 1}', '{"loss": "ä"}']
    Checkpoint(Run(run_path)).save([arrays(99)], {}, ["earlier"])
    Checkpoint(Run(run_path)).save(groups, state, log)
    assert same(Checkpoint(Run(run_path)).restore(), groups, state, log)


def test_nothing_is_found_where_nothing_was_saved_or_it_was_removed(run_path: Path) -> None:
    checkpoint = Checkpoint(Run(run_path))
    assert checkpoint.restore() == NOTHING
    checkpoint.remove()
    checkpoint.save([arrays(0)], {}, ["a"])
    checkpoint.remove()
    assert checkpoint.restore() == NOTHING
    assert not checkpoint.path.exists()


def test_that_of_other_settings_or_another_layout_is_not_used(
    run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Checkpoint(Run(run_path)).save([arrays(0)], {}, ["a"])
    with monkeypatch.context() as patched:
        patched.setattr("ucls.runs.checkpoint.VERSION", VERSION + 1)
        assert Checkpoint(Run(run_path)).restore() == NOTHING
    assert Checkpoint(Run(run_path)).restore() != NOTHING
    neighbors(run_path, settings={"neighbors.k": 4})
    assert Checkpoint(Run(run_path)).restore() == NOTHING


def test_it_is_due_once_a_save_costs_little_of_the_time_since_the_last(
    run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.perf_counter", lambda: now)

    def write(*_: object) -> None:
        nonlocal now
        now += 3.0

    monkeypatch.setattr("ucls.runs.checkpoint.write_tensors", write)
    checkpoint = Checkpoint(Run(run_path))
    assert checkpoint.is_due()  # what it costs is not known yet
    checkpoint.save([], {}, [])
    assert not checkpoint.is_due()
    now += 0.99 * 3.0 / SHARE
    assert not checkpoint.is_due()
    now += 0.02 * 3.0 / SHARE
    assert checkpoint.is_due()
