from pathlib import Path

import pytest

from benchmarks.speed.whole_run import (
    RunUsage,
    as_measurements,
    run_once,
    usage_of,
    whole_run_shares,
)
from ucls.cache import RunFolder
from ucls.errors import UclsError

STAGES = {
    "neighbors": {"status": "done", "seconds": 1.0, "peak_memory_mb": 100.0},
    "train": {"status": "done", "seconds": 6.0, "peak_memory_mb": 200.0},
}
TINY = {"train.epochs": 2, "train.n_heads": 4, "self_train.inputs": "tokens"}


def test_shares_are_those_of_the_whole_run():
    run = usage_of(STAGES, 8.0)
    assert [(usage.name, usage.share) for usage in run.stages] == [
        ("neighbors", 0.125), ("train", 0.75),
    ]  # fmt: skip
    assert run.stages[0].peak_memory_mb == pytest.approx(104.9, abs=0.1)


def test_each_stage_is_measured_against_the_whole():
    runs = [usage_of(STAGES, 8.0), usage_of(STAGES, 12.0)]
    neighbors, train = as_measurements("a run", runs)
    assert (train.name, train.against) == ("a run: train", "the whole run")
    assert train.ratios == [0.75, 0.5]
    assert neighbors.facts["peak_mb"] == pytest.approx(104.9, abs=0.1)


def test_all_that_a_run_says_of_its_stages_is_read(run_path: Path):
    stages = RunFolder(run_path).record["stages"]
    run = usage_of(stages, 100.0)
    assert [usage.name for usage in run.stages] == [
        "extract", "neighbors", "train", "merge", "ensemble", "self-train", "evaluate",
    ]  # fmt: skip
    assert all(usage.peak_memory_mb > 10 for usage in run.stages)
    assert sum(usage.share for usage in run.stages) == pytest.approx(
        sum(entry["seconds"] for entry in stages.values()) / 100
    )


@pytest.mark.slow
def test_a_real_run_is_taken_apart(tmp_path: Path):
    found = whole_run_shares(300, 16, 3, settings=TINY)
    assert found[0].name == "ucls run, 300 simulated images, D=16, C=3: extract"
    assert len(found) == 7
    assert 0 < sum(one.ratio for one in found) < 1


@pytest.mark.slow
def test_a_run_that_fails_says_why(sources: Path, tmp_path: Path):
    with pytest.raises(UclsError, match=r"`ucls run` failed: ucls: error: .*no_such"):
        run_once(sources / "plain.npy", tmp_path, 4, settings={"train.no_such": 1})


def test_a_run_without_repeats_has_one_turn():
    (only, *_) = as_measurements("a run", [RunUsage(8.0, usage_of(STAGES, 8.0).stages)])
    assert only.spread == (only.ratio, only.ratio)
