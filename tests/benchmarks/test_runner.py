from pathlib import Path

import pytest

from benchmarks.runner import STAGE_NAMES, run_stages
from ucls.config import Config
from ucls.errors import MismatchError, UsageError
from ucls.sources import Source

QUICK = {"train.epochs": 2, "train.n_heads": 3, "self_train.iterations": 10, "neighbors.k": 3}
CONFIG = Config(device="cpu").with_values(QUICK)


@pytest.mark.slow
def test_some_stages_go_on_with_other_settings(tmp_path: Path, blobs: Source) -> None:
    folder, stages = tmp_path / "run", ("ensemble", "evaluate")

    def written(name: str) -> int:
        return (folder / name).stat().st_mtime_ns

    figures, seconds = run_stages(blobs, CONFIG, folder, cache_dir=tmp_path / "cache")
    assert 0 < figures["val"]["ensemble.chosen"]["acc"] <= 1
    assert set(STAGE_NAMES) <= seconds.keys()
    trained = written("heads.safetensors")
    vote = CONFIG.with_values({"ensemble.method": "vote"})
    figures, _ = run_stages(None, vote, folder, stages=stages)
    assert figures["train"]["ensemble.chosen"]["method"] == "vote"
    made = written("consensus.h5")
    run_stages(None, vote, folder, stages=stages)
    assert written("consensus.h5") == made
    run_stages(None, vote, folder, stages=stages, overwrite=True)
    assert written("consensus.h5") > made
    assert written("heads.safetensors") == trained
    with pytest.raises(UsageError, match="would change the stage train"):
        run_stages(None, vote.with_values({"train.epochs": 3}), folder, stages=stages)


def test_another_run_is_replaced_only_on_demand(tmp_path: Path, blobs: Source) -> None:
    stages = ("extract", "neighbors")
    assert run_stages(blobs, CONFIG, tmp_path, stages=stages)[0] == {}
    other = CONFIG.with_values({"neighbors.k": 4})
    with pytest.raises(MismatchError, match="other settings"):
        run_stages(blobs, other, tmp_path, stages=stages)
    run_stages(blobs, other, tmp_path, stages=stages, overwrite=True)
    with pytest.raises(UsageError, match=r"no run in .*let the stages begin with extract"):
        run_stages(None, CONFIG, tmp_path / "nothing", stages=("ensemble",))
