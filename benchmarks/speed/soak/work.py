"""Whole runs, one after the other in this process, with the memory of every stage."""

import gc
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.speed.steps import Step, sampled_memory
from ucls.config import Config
from ucls.pipeline import start
from ucls.progress import PlainReporter
from ucls.runs.catalog import EXTRACT, later_stages
from ucls.sources import load_source
from ucls.usage import measure


def settings_of(n_clusters: int, seed: int) -> Config:
    """What keeps every stage to minutes: memory is looked at here, not quality."""
    asked = {"n_clusters": n_clusters, "seed": seed, "effort": "quick", "train.epochs": 3}
    neighbors = {"neighbors.search": "approximate", "neighbors.cap": 100}
    return Config().with_values({**asked, **neighbors})


def soak(source: Path, folder: Path, config: Config) -> Iterator[Step]:
    """Makes a run of a source, with a feature cache of its own, and leaves no file of it."""
    run = folder / "run"
    opened = load_source(source)
    told = {"reporter": PlainReporter()}
    extract = partial(start, opened, out=run, config=config, cache_dir=folder / "cache", **told)
    yield watched(EXTRACT.name, extract)
    for stage in later_stages():
        yield watched(stage.name, partial(stage, run, **told))
    shutil.rmtree(folder)


def watched(name: str, work: Callable[[], object]) -> Step:
    """Does a piece of work, and looks at the memory of this process."""
    with measure() as usage, sampled_memory() as samples:
        work()
    gc.collect()
    return Step(name, usage.seconds, usage.peak_memory_mb * 2**20 / 1e6, tuple(samples))
