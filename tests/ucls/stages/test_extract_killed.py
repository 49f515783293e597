"""Extraction in a real process that is killed with a real signal, again and again."""

import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from ucls.settings.config import Config

N_IMAGES = 2_300
N_KILLS = 20
CONFIG = Config().with_values(
    {
        "extract.backbone": "test_vit",
        "extract.weights": "random",
        "extract.image_size": 32,
        "extract.views": 1,
        "extract.workers": 1,
    }
)

# A process that has imported everything starts its children at once.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    ["ucls.pipeline", "ucls.extraction.tokens", "ucls.backbones.vit", "timm"]
)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "images"
    rng = np.random.default_rng(0)
    for row in range(N_IMAGES):
        path = folder / f"{row % 3}" / f"{row:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)).save(path)
        if row % 71 == 0:
            path.write_bytes(b"")
    return folder


def extract(images: str, cache_dir: str) -> None:
    from ucls import pipeline

    # The workers that decode shall be started as `ucls` starts them.
    multiprocessing.set_start_method("fork", force=True)
    pipeline.extract_source(images, config=CONFIG, cache_dir=cache_dir)


def start(images: Path, cache_dir: Path) -> multiprocessing.process.BaseProcess:
    process = processes.Process(target=extract, args=(str(images), str(cache_dir)))
    process.start()
    return process


def contents(cache_dir: Path) -> dict[str, bytes]:
    """The bytes of every dataset of the last cache."""
    path = max(cache_dir.glob("*.h5"), key=lambda found: found.stat().st_mtime_ns)
    found: dict[str, bytes] = {}

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            values = item[()]
            found[name] = (
                repr(values.tolist()).encode() if values.dtype == "O" else values.tobytes()
            )

    with h5py.File(path, "r") as file:
        file.visititems(note)
    return found


def kill(process: multiprocessing.process.BaseProcess) -> bool:
    """Kills a process that is still at work; tells whether it was."""
    if process.is_alive():
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.slow
def test_killed_at_any_moment_the_datasets_are_those_of_an_uninterrupted_run(
    images: Path, tmp_path: Path
) -> None:
    for name in ("first", "whole"):  # the first waits for all imports
        started = time.perf_counter()
        whole = start(images, tmp_path / name)
        whole.join()
        assert whole.exitcode == 0
        duration = time.perf_counter() - started
    expected = contents(tmp_path / "whole")
    assert {"cls", "patch_mean", "path", "skipped/path", "labels/class"} <= set(expected)

    moments, n_kills, n_finished = random.Random(0), 0, 0
    while n_kills < N_KILLS:
        assert n_finished < 2 * N_KILLS
        cache_dir = tmp_path / f"killed-{n_finished}"
        process = start(images, cache_dir)
        process.join(moments.uniform(0, 0.9) * duration)
        n_kills += kill(process)
        if process.exitcode == 0:
            n_finished += 1
            assert contents(cache_dir) == expected
    last = start(images, cache_dir)
    last.join()
    assert contents(cache_dir) == expected


@pytest.mark.slow
def test_killed_while_a_cache_is_updated_it_is_that_of_an_uninterrupted_update(
    images: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(images, tmp_path / "images"))
    start(folder, tmp_path / "old").join()
    before = contents(tmp_path / "old")
    rng = np.random.default_rng(1)
    for row in range(0, N_IMAGES, 3):
        name = f"{row % 3}/{row:04d}{'x' if row % 2 else ''}.png"  # half of them new
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(folder / name)
    for name in ("1/0001.png", "2/0002.png"):
        (folder / name).unlink()

    for name in ("first", "whole"):
        shutil.copytree(tmp_path / "old", tmp_path / name)
        started = time.perf_counter()
        whole = start(folder, tmp_path / name)
        whole.join()
        assert whole.exitcode == 0
        duration = time.perf_counter() - started
    expected = contents(tmp_path / "whole")
    assert expected["path"] != before["path"]

    moments, n_kills, n_finished = random.Random(1), 0, 0
    while n_kills < N_KILLS // 10:
        assert n_finished < N_KILLS
        cache_dir = tmp_path / f"killed-{n_finished}"
        if not cache_dir.exists():
            shutil.copytree(tmp_path / "old", cache_dir)
        process = start(folder, cache_dir)
        process.join(moments.uniform(0.2, 0.95) * duration)
        n_kills += kill(process)
        # Whatever the moment, a whole cache is there: the old one, or the new one.
        assert contents(cache_dir) in (before, expected)
        n_finished += process.exitcode == 0
    last = start(folder, cache_dir)
    last.join()
    assert contents(cache_dir) == expected
