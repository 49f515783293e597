from pathlib import Path

import pytest

from benchmarks.runner import STAGE_NAMES, run_stages
from ucls.config import Config
from ucls.errors import MismatchError, UsageError
from ucls.sources import Source, load_source

QUICK = {"train.epochs": 2, "train.n_heads": 3, "self_train.iterations": 10, "neighbors.k": 3}


@pytest.fixture
def blobs(sources: Path) -> Source:
    return load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz"))


@pytest.fixture
def config() -> Config:
    return Config(device="cpu").with_values(QUICK)


def written(path: Path) -> int:
    return path.stat().st_mtime_ns


def test_all_stages_leave_figures_and_seconds(tmp_path: Path, blobs: Source, config: Config):
    done = run_stages(blobs, config, tmp_path / "run", cache_dir=tmp_path / "cache")
    assert done.figures is not None
    assert 0 < done.figures["val"]["ensemble.chosen"]["acc"] <= 1
    assert set(STAGE_NAMES) <= done.seconds.keys()


def test_some_stages_go_on_with_other_settings(tmp_path: Path, blobs: Source, config: Config):
    folder = tmp_path / "run"
    begun = run_stages(blobs, config, folder, stages=STAGE_NAMES[:5])
    assert begun.figures is None
    trained = written(folder / "heads.safetensors")
    vote = config.with_values({"ensemble.method": "vote"})
    stages = ("ensemble", "evaluate")
    done = run_stages(None, vote, folder, stages=stages)
    assert done.figures is not None
    assert done.figures["train"]["ensemble.chosen"]["method"] == "vote"
    made = written(folder / "consensus.h5")
    run_stages(None, vote, folder, stages=stages)
    assert written(folder / "consensus.h5") == made
    run_stages(None, vote, folder, stages=stages, overwrite=True)
    assert written(folder / "consensus.h5") > made
    assert written(folder / "heads.safetensors") == trained
    with pytest.raises(UsageError, match="would change the stage train"):
        run_stages(None, vote.with_values({"train.epochs": 3}), folder, stages=stages)


def test_another_run_is_replaced_only_on_demand(tmp_path: Path, blobs: Source, config: Config):
    folder, stages = tmp_path / "run", ("extract", "neighbors")
    run_stages(blobs, config, folder, stages=stages)
    other = config.with_values({"neighbors.k": 4})
    with pytest.raises(MismatchError, match="other settings"):
        run_stages(blobs, other, folder, stages=stages)
    run_stages(blobs, other, folder, stages=stages, overwrite=True)


def test_something_is_done_before_a_stage(tmp_path: Path, blobs: Source, config: Config):
    there = {}

    def look(folder: Path) -> None:
        names = ("neighbors.h5", "heads.safetensors")
        there.update({name: (folder / name).is_file() for name in names})

    run_stages(blobs, config, tmp_path, stages=STAGE_NAMES[:3], before={"train": look})
    assert there == {"neighbors.h5": True, "heads.safetensors": False}


def test_later_stages_need_a_run(tmp_path: Path, config: Config):
    with pytest.raises(UsageError, match=r"no run in .*let the stages begin with extract"):
        run_stages(None, config, tmp_path / "nothing", stages=("ensemble",))
