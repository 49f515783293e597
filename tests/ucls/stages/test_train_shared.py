import shutil
from pathlib import Path

import pytest

from tests.jobs import run_job

FILES = ("neighbors.h5", "heads.safetensors", "assignments.h5")
SETTINGS = {
    "train.heads_at_once": 2,
    "train.early_stopping": False,
    "train.precision": "float32",
}


def from_disk(path: Path, search: str) -> list[bytes]:
    from ucls.stages.neighbors import neighbors
    from ucls.stages.train import train

    settings = {"features_in": "disk", "neighbors.search": search}
    neighbors(path, settings=settings, overwrite=True)
    train(path, settings=SETTINGS, overwrite=True)
    assert not (path / "head-inputs.h5").exists()
    return [(path / name).read_bytes() for name in FILES]


@pytest.mark.slow
@pytest.mark.parametrize("search", ["exact", "approximate"])
def test_processes_that_share_features_on_disk_find_what_one_does(
    run_path: Path, tmp_path: Path, search: str
) -> None:
    other = Path(shutil.copytree(run_path, tmp_path / "other"))
    assert run_job(2, from_disk, run_path, search) == from_disk(other, search)
