from pathlib import Path

import pytest

from benchmarks.speed.measurement import Size
from benchmarks.speed.suite import shares, whole_run_shares
from ucls.cache import RunFolder
from ucls.errors import UclsError

SIZE = Size(300, 3, n_features=16)


def test_all_that_a_run_says_of_its_stages_is_put_beside_the_whole(run_path: Path):
    stages = RunFolder(run_path).record["stages"]
    found = shares("a run", 100.0, stages)
    assert [one.name.removeprefix("a run: ") for one in found] == [
        "extract", "neighbors", "train", "merge", "ensemble", "self-train", "evaluate",
    ]  # fmt: skip
    assert [one.ratio for one in found] == [one["seconds"] / 100.0 for one in stages.values()]
    mib = stages["train"]["peak_memory_mb"]
    assert found[2].facts["peak_mb"] == pytest.approx(mib * 1.048576)


@pytest.mark.slow
def test_a_real_run_is_taken_apart():
    tiny = {"train.epochs": 2, "train.n_heads": 4, "self_train.inputs": "tokens"}
    found = whole_run_shares(SIZE, **tiny)
    assert found[0].name == "ucls run, 300 simulated images, D=16, C=3: extract"
    assert len(found) == 7
    assert 0 < sum(one.ratio for one in found) < 1


@pytest.mark.slow
def test_a_run_that_fails_says_why():
    with pytest.raises(UclsError, match=r"`ucls run` failed: ucls: error: .*no_such"):
        whole_run_shares(SIZE, **{"train.no_such": 1})
