from pathlib import Path

import pytest

from benchmarks.speed.size import Size
from benchmarks.speed.whole_run import Run, run_once, shares, whole_run_shares
from ucls.cache import RunFolder
from ucls.errors import UclsError

STAGES = {
    "neighbors": {"status": "done", "seconds": 1.0, "peak_memory_mb": 100.0},
    "train": {"status": "done", "seconds": 6.0, "peak_memory_mb": 200.0},
}
TINY = {"train.epochs": 2, "train.n_heads": 4, "self_train.inputs": "tokens"}


def test_each_stage_is_measured_against_the_whole():
    neighbors, train = shares("a run", [Run(8.0, STAGES), Run(12.0, STAGES)])
    assert (train.name, train.against) == ("a run: train", "the whole run")
    assert train.ratios == [0.75, 0.5]
    assert neighbors.facts["peak_mb"] == pytest.approx(104.9, abs=0.1)


def test_all_that_a_run_says_of_its_stages_is_read(run_path: Path):
    stages = RunFolder(run_path).record["stages"]
    found = shares("a run", [Run(100.0, stages)])
    assert [one.name.removeprefix("a run: ") for one in found] == [
        "extract", "neighbors", "train", "merge", "ensemble", "self-train", "evaluate",
    ]  # fmt: skip
    assert all(one.facts["peak_mb"] > 10 for one in found)
    assert [one.seconds for one in found] == [[entry["seconds"]] for entry in stages.values()]


@pytest.mark.slow
def test_a_real_run_is_taken_apart():
    found = whole_run_shares(Size(300, 3, n_features=16), settings=TINY)
    assert found[0].name == "ucls run, 300 simulated images, D=16, C=3: extract"
    assert len(found) == 7
    assert 0 < sum(one.ratio for one in found) < 1


@pytest.mark.slow
def test_a_run_that_fails_says_why(sources: Path, tmp_path: Path):
    with pytest.raises(UclsError, match=r"`ucls run` failed: ucls: error: .*no_such"):
        run_once(sources / "plain.npy", tmp_path, 4, {"train.no_such": 1})
