"""The steps of a training from disk, each in a process of its own, and what they take."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.process import run_in_process
from benchmarks.simulated.source import make_source
from benchmarks.speed.measurement import Size
from benchmarks.speed.steps import Step, sampled_memory
from benchmarks.speed.training import random_graph
from ucls.cache import run_files, write_graph
from ucls.config import Config
from ucls.pipeline import start
from ucls.runs.opening import open_for
from ucls.runs.preparation import fit_preparation
from ucls.sources import load_source
from ucls.stages.train import train

BYTES_AT_ONCE = 2**24


def extract(source: str, folder: str, settings: dict[str, Any]) -> str:
    """Starts a run; returns its feature cache."""
    config, cache_dir = Config().with_values(settings), Path(folder) / "cache"
    start(load_source(source), out=Path(folder) / "run", config=config, cache_dir=cache_dir)
    return str(next(cache_dir.glob("*.h5")))


def prepare(folder: str) -> None:
    """Fits the preparation, and makes up neighbours, whose search takes no part in this."""
    run = open_for("neighbors", Path(folder) / "run")
    with run.freshness.work("neighbors"), run.features("train") as cache:
        fit_preparation(run, cache.table(run.feature_set, dtype=cache.dtype))
        write_graph(run.folder.file(run_files.NEIGHBORS), random_graph(len(cache)))


def train_heads(folder: str) -> dict[str, Any]:
    """Trains; returns the seconds of the epoch, and resident megabytes over time."""
    path = Path(folder) / "run"
    with sampled_memory() as samples:
        train(path)
    *_, last = (path / run_files.TRAINING_LOG).read_text(encoding="utf-8").splitlines()
    return {"epoch": json.loads(last)["seconds"], "samples": samples}


def read_once(path: str) -> None:
    """Reads a file in large blocks."""
    with Path(path).open("rb", buffering=0) as file:
        block = bytearray(BYTES_AT_ONCE)
        while file.readinto(block):
            pass


def measure_steps(size: Size, source: Path, folder: Path) -> Iterator[Step]:
    """Does one step after the other in a folder; a source that is there is taken as it is."""
    settings = settings_of(size)
    made = (size.n_images, size.n_clusters, size.n_features)
    yield _step("simulate", make_source, str(source), *made)
    extracted = run_in_process(extract, str(source), str(folder), settings)
    yield Step("extract", extracted.seconds, extracted.peak_mb)
    yield _step("fit the preparation", prepare, str(folder))
    drop_from_memory(Path(extracted.result))
    trained = run_in_process(train_heads, str(folder))
    figures = trained.result
    yield Step("train", trained.seconds, trained.peak_mb, tuple(figures["samples"]))
    yield Step("of it, the epoch", figures["epoch"], trained.peak_mb)
    drop_from_memory(Path(extracted.result))
    yield _step("read the cache once", read_once, extracted.result)


def settings_of(size: Size) -> dict[str, Any]:
    """An epoch of heads with as many clusters as wanted, which see all columns, from disk."""
    return {
        "n_clusters": size.n_clusters, "features_in": "disk", "neighbors.prepare": "center",
        "train.n_heads": size.n_heads, "train.epochs": 1, "train.scales": [1],
        "train.components": "all", "merge.linkage": "none",
    }  # fmt: skip


def drop_from_memory(path: Path) -> None:
    """Asks the system to forget what it holds of a file, so that it is read from the disk."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _step(name: str, function: Any, *arguments: Any) -> Step:
    done = run_in_process(function, *arguments)
    return Step(name, done.seconds, done.peak_mb)
