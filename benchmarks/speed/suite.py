"""All ratios, a quick set for every change and the full set, and those of the whole run."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from subprocess import run
from typing import Any

from benchmarks.simulated.features import write_simulated
from benchmarks.speed.ensembles import ensemble_ratios
from benchmarks.speed.extraction import extraction_ratios
from benchmarks.speed.measurement import Measurement, Size
from benchmarks.speed.neighbors import graph_ratio, search_ratios, simulate
from benchmarks.speed.self_training import self_training_ratios
from benchmarks.speed.training_ratios import STRAIGHTFORWARD as PEER
from benchmarks.speed.training_ratios import accuracy_ratios, epoch_ratios, step_ratios
from ucls.cache import RunFolder
from ucls.errors import UclsError

Area = Callable[[int], Iterable[Measurement]]  # Of the number of repeats.

IMAGENET100 = Size(128_545, 100, 50, 2048)
FIFTH = replace(IMAGENET100, n_images=IMAGENET100.n_images // 5, n_heads=8)
SMALL_EPOCH = Size(4096, 20, 16, 512)
STEPS = [Size(2048, clusters, heads, 2048) for heads in (1, 16, 50) for clusters in (10, 100, 1000)]


def whole_run_shares(size: Size, **settings: Any) -> list[Measurement]:
    """Runs ``ucls run``, which also starts Python and reads features; ratios are stages' shares."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = folder / "simulated.h5"
        write_simulated(features, simulate(size))
        ucls = str(Path(sys.executable).with_name("ucls"))
        command = [ucls, "run", str(features), "-k", str(size.n_clusters), "--quiet"]
        command += ["--out", str(folder / "run"), "--cache-dir", str(folder / "cache")]
        command += [f"--set={setting}={value}" for setting, value in settings.items()]
        started = time.perf_counter()
        done = run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise UclsError(f"`ucls run` failed: {done.stderr.strip().rpartition(chr(10))[2]}")
        stages = RunFolder(folder / "run").record["stages"]
    what = f"ucls run, {size.n_images:,} simulated images, {size.text('DC')}"
    return shares(what, seconds, stages)


def shares(what: str, seconds: float, stages: dict[str, Any]) -> list[Measurement]:
    """Each stage, as ``run.json`` tells of it, against the whole; peaks are the process's."""
    found = []
    for stage, told in stages.items():
        facts = {"peak_mb": told["peak_memory_mb"] * 2**20 / 1e6}
        ours = f"{what}: {stage}", "the whole run", [told["seconds"]]
        found.append(Measurement(*ours, [seconds], facts))
    return found


QUICK: Mapping[str, Area] = {
    "extraction": lambda n: extraction_ratios(n_images=32, repeats=n),
    "neighbors": lambda n: search_ratios(Size(20_000, 20, n_features=512), repeats=n),
    "training": lambda n: step_ratios([Size(1024, 100, 16, 1024)], repeats=n, batch_size=512),
    "epoch": lambda n: epoch_ratios(SMALL_EPOCH, repeats=n, batch_size=512),
    "ensembles": lambda n: ensemble_ratios(Size(20_000, 20, 20), repeats=n),
    "self-training": lambda n: self_training_ratios(Size(4096, 20, n_features=256), repeats=n),
    "whole-run": lambda _: whole_run_shares(Size(2000, 10, n_features=64), **{"train.epochs": 20}),
}
"""Within three minutes on two cores."""

FULL: Mapping[str, Area] = {
    "extraction": lambda n: extraction_ratios(n_images=384, repeats=n),
    "neighbors": lambda n: search_ratios(IMAGENET100, repeats=n),
    "graph": lambda _: [graph_ratio(IMAGENET100)],
    "training": lambda n: step_ratios(STEPS, repeats=n),
    "epoch": lambda _: epoch_ratios(IMAGENET100, repeats=1, peers=[PEER]),
    "accuracy": lambda _: accuracy_ratios(FIFTH, epochs=10),
    "ensembles": lambda n: ensemble_ratios(IMAGENET100, repeats=n),
    "self-training": lambda n: self_training_ratios(IMAGENET100, repeats=n),
    "whole-run": lambda _: whole_run_shares(Size(12_850, 10, n_features=512)),
}
"""The sizes of ImageNet-100, but for extraction, accuracy and the whole run; an hour or two."""
