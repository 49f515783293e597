import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Lines, StartUcls
from tests.ucls.runs.consensus_files import chosen, entries, merged_heads, voters
from ucls.ensemble import consensus
from ucls.ensemble.head_weights import loss_weights
from ucls.ensemble.methods import METHODS, n_steps
from ucls.errors import UsageError
from ucls.runs.combination import as_consensus
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble


def test_weights_by_loss(run_path: Path) -> None:
    entry = ensemble(run_path, variant={"method": "vote", "heads": "1-4", "weights": "loss"})
    voting = voters(run_path, [1, 2, 3, 4])
    by_loss = loss_weights(merged_heads(run_path).loss[1:5])
    weights = np.append(by_loss, np.ones(len(voting) - 4))
    expected = consensus(voting, 4, method="vote", weights=weights)
    np.testing.assert_array_equal(entry.labels["train"], expected.labels)
    np.testing.assert_allclose(entry.confidence["train"], expected.confidence, atol=1e-3)


def test_overwriting_one_split_keeps_the_other(run_path: Path) -> None:
    before = entries(run_path)["mcla"]
    entry = ensemble(run_path, split="val", overwrite=True)
    assert entry.seconds["train"] == before.seconds["train"]
    assert entry.seconds["val"] != before.seconds["val"]
    assert chosen(run_path) == "mcla"


def test_all_methods_side_by_side(run_path: Path, lines: Lines) -> None:
    before = entries(run_path)["mcla"]
    kept = ensemble(run_path, variant={"method": "all"}, reporter=lines)
    there = entries(run_path)
    assert set(there) == {"mcla", "vote", "hbgf", "cspa", "nmf", "hgpa"}
    assert kept.anmi["train"] == max(entry.anmi["train"] for entry in there.values())
    key = Run(run_path).consensuses.key(
        Run(run_path).config.ensemble.model_copy(update={"method": "all"})
    )
    assert {name: entry.best_of for name, entry in there.items() if entry.best_of} == {
        kept.name: (key,)
    }
    assert chosen(run_path) == "mcla"
    assert there["mcla"].seconds == before.seconds
    assert f"ensemble: {kept.name} has the highest ANMI of 6 methods on train" in lines.said
    assert ensemble(run_path, variant={"method": "vote"}, reporter=lines).key == there["vote"].key
    assert "not made again" in lines.said[-1]


def test_options_of_all_reach_only_the_methods_that_use_them(run_path: Path) -> None:
    ensemble(run_path, variant={"method": "all"})
    ensemble(run_path, variant={"method": "all", "imbalance": 0.5})
    new = {"hbgf[imbalance=0.5]", "cspa[imbalance=0.5]", "hgpa[imbalance=0.5]"}
    assert set(entries(run_path)) == {"mcla", "vote", "hbgf", "cspa", "nmf", "hgpa"} | new
    best_of = [key for entry in entries(run_path).values() for key in entry.best_of]
    assert len(best_of) == len(set(best_of)) == 2


@pytest.mark.slow
def test_all_as_the_runs_own(run_path: Path, lines: Lines) -> None:
    kept = ensemble(run_path, settings={"ensemble.method": "all"})
    assert chosen(run_path) == kept.name
    assert Run(run_path).freshness.is_done("ensemble")
    again = ensemble(run_path, reporter=lines)
    assert again.name == kept.name
    assert lines.said == ["ensemble: done before with these settings, skipped"]
    ensemble(run_path, variant={"heads": "0-2"})
    assert Run(run_path).freshness.is_done("ensemble")
    assert chosen(run_path) == kept.name


def test_all_and_choose(run_path: Path) -> None:
    kept = ensemble(run_path, variant={"method": "all", "heads": "1-5"}, choose=True)
    assert chosen(run_path) == kept.name
    assert kept.name.endswith("[1-5]")


def test_a_method_that_cannot_be_run_is_left_out_with_the_reason(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.ensemble.available_memory.available_memory", lambda: 1000)
    ensemble(run_path, variant={"method": "all"}, reporter=lines)
    assert {"cspa", "hbgf"}.isdisjoint(set(entries(run_path)))
    assert any(
        line.startswith("ensemble (train): cspa is left out: cspa would need about")
        for line in lines.said
    )
    with pytest.raises(UsageError, match="cspa would need about"):
        ensemble(run_path, variant={"method": "cspa"})


def test_progress_is_in_steps_of_all_splits(run_path: Path) -> None:
    tracked: list[Any] = []

    class Steps(Lines):
        def track(self, description: str, total: int, unit: str, /, *, done: int = 0) -> Any:
            tracked.append((description, total, unit))
            return super().track(description, total, unit, done=done)

    ensemble(run_path, variant={"method": "all", "heads": "1-5"}, reporter=Steps())
    total = n_steps("all", 5) + n_steps("all", len(voters(run_path, range(5))))
    assert tracked == [("ensemble", total, "steps")]


def test_a_stored_consensus_is_as_it_was(run_path: Path) -> None:
    voting = voters(run_path, range(6))
    made = consensus(voting, 4)
    stored = as_consensus(entries(run_path)["mcla"], "train", 4)
    np.testing.assert_array_equal(stored.labels, made.labels)
    np.testing.assert_allclose(stored.confidence, made.confidence, atol=1e-3)
    np.testing.assert_array_equal(stored.cluster_sizes, made.cluster_sizes)
    assert (stored.anmi, stored.occupied_clusters) == (made.anmi, made.occupied_clusters)


def contents(path: Path) -> dict[str, Any]:
    """Everything that two equal consensus files share: all but the seconds."""
    found = {
        name: (
            entry.key, entry.heads, entry.anmi, entry.settings, entry.best_of,
            {split: labels.tobytes() for split, labels in entry.labels.items()},
        )
        for name, entry in entries(path).items()
    }  # fmt: skip
    return {"chosen": chosen(path), **found}


KILLED_AT_THE_LAST_MOMENT = """
import os, signal, sys
from ucls.cache import files
from ucls.stages.ensemble import ensemble
files.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ensemble(sys.argv[1], variant={"method": "all"})
"""


@pytest.mark.slow
def test_killed_before_the_file_gets_its_name(run_path: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(run_path, tmp_path / "whole"))
    ensemble(whole, variant={"method": "all"})
    before = contents(run_path)
    command = [sys.executable, "-c", KILLED_AT_THE_LAST_MOMENT, str(run_path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert (run_path / "consensus.h5.ucls-partial").exists()
    assert contents(run_path) == before
    ensemble(run_path, variant={"method": "all"})
    assert contents(run_path) == contents(whole)
    assert set(contents(whole)) == {"chosen", *METHODS}


@pytest.mark.slow
def test_killed_at_any_moment(run_path: Path, tmp_path: Path, start_ucls: StartUcls) -> None:
    whole = Path(shutil.copytree(run_path, tmp_path / "whole"))
    started = time.perf_counter()
    assert start_ucls("ensemble", whole, "--method", "all").wait() == 0
    duration = time.perf_counter() - started
    before, after = contents(run_path), contents(whole)
    n_kills = 0
    for share in np.linspace(0.3, 1.0, 15):
        path = Path(shutil.copytree(run_path, tmp_path / f"{share:.2f}"))
        process = start_ucls("ensemble", path, "--method", "all")
        time.sleep(share * duration)
        os.kill(process.pid, signal.SIGKILL)
        n_kills += process.wait() == -signal.SIGKILL
        assert contents(path) in (before, after)
        ensemble(path, variant={"method": "all"})
        assert contents(path) == after
    assert n_kills > 5
