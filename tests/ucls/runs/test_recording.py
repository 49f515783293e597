from pathlib import Path

import pytest

from ucls.cache import RunFolder
from ucls.errors import UclsError
from ucls.runs.recording import recorded


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.begin(tmp_path / "a", source={}, requested={}, stale=())


def test_a_stage_that_ends_is_done(folder: RunFolder) -> None:
    with recorded(folder, "train", "abc"):
        assert RunFolder(folder.path).record["stages"]["train"]["status"] == "running"
        assert folder.key_of("train") is None
    entry = RunFolder(folder.path).record["stages"]["train"]
    assert (entry["status"], entry["key"]) == ("done", "abc")
    assert entry["seconds"] >= 0
    assert entry["peak_memory_mb"] > 1
    assert RunFolder(folder.path).key_of("train") == "abc"
    assert RunFolder(folder.path).record["status"] == "train: done"


@pytest.mark.parametrize("error", [UclsError, KeyboardInterrupt])
def test_a_stage_that_fails_is_not_done(folder: RunFolder, error: type[BaseException]) -> None:
    with recorded(folder, "train", "abc"):
        pass
    with pytest.raises(error), recorded(folder, "train", "abc"):
        raise error
    assert RunFolder(folder.path).record["stages"]["train"]["status"] == "failed"
    assert RunFolder(folder.path).key_of("train") is None
