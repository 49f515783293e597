"""Moving in a real process that is killed with a real signal."""

import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from ucls.cache import RunFolder
from ucls.cache.moves import UNDO
from ucls.runs.image_labels import ImageLabels, read_labels, write_labels
from ucls.runs.run import Run
from ucls.stages.sort import sort
from ucls.stages.unsort import unsort

N_IMAGES = 20_000
N_KILLS = 6

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["ucls.stages.sort", "ucls.stages.unsort"])


@pytest.fixture
def many(shared_photo_run: Path, tmp_path: Path) -> Path:
    """A run whose labels name many files, each of which holds its own name."""
    folder = tmp_path / "photos"
    paths = [f"{row % 7}/{row // 7:05d}.png" for row in range(N_IMAGES)]
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    path = Path(shutil.copytree(shared_photo_run, tmp_path / "run"))
    run = RunFolder(path)
    run.update(source={**run.record["source"], "source": str(folder)})
    clusters = np.arange(N_IMAGES, dtype=np.int32) % 3
    shares = np.ones(N_IMAGES, np.float32)
    splits = ["train"] * N_IMAGES
    write_labels(Run(path), ImageLabels(paths, splits, clusters, shares, shares, clusters))
    return path


def texts(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.rglob("*.png"))


def kill_in_the_middle(process: multiprocessing.process.BaseProcess, folder: Path) -> bool:
    """Kills a process once a first file lies in a folder; whether it had not ended."""
    process.start()
    while process.is_alive() and not any(folder.rglob("*.png")):
        time.sleep(0.001)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("how", ["undo", "go on"])
def test_killed_in_the_middle_no_image_is_lost(how: str, many: Path, tmp_path: Path) -> None:
    photos, to = tmp_path / "photos", tmp_path / "sorted"
    everything = sorted(read_labels(Run(many)).paths)
    n_in_the_middle = 0
    for _ in range(N_KILLS):
        options = {"to": to, "how": "move"}
        process = processes.Process(target=sort, args=(many,), kwargs=options)
        was_killed = kill_in_the_middle(process, to)
        assert (to / UNDO).is_file()
        n_moved = len(texts(to))
        assert n_moved + len(texts(photos)) == N_IMAGES
        n_in_the_middle += was_killed and 0 < n_moved < N_IMAGES
        if how == "go on":
            assert len(sort(many, to=to, how="move").new) == N_IMAGES - n_moved
            assert texts(to) == everything
            assert not texts(photos)
        else:
            kill_in_the_middle(processes.Process(target=unsort, args=(to,)), photos)
        if (to / UNDO).exists():
            unsort(to)
        assert sorted(str(p.relative_to(photos)) for p in photos.rglob("*.png")) == everything
        assert all((photos / path).read_text() == path for path in everything[::97])
        assert not to.exists()
    assert n_in_the_middle >= 2
