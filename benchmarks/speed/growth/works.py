"""The work of every stage on inputs that are there already, its sizes, and its measuring."""

import ctypes
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import torch

from benchmarks.label_matrices import make_label_matrix
from benchmarks.process import run_in_process
from benchmarks.speed.growth.record import Point, StageGrowth
from benchmarks.speed.measurement import Size, Work, time_once
from benchmarks.speed.neighbors import K, build_graph, simulated_features
from benchmarks.speed.self_training import self_training
from benchmarks.speed.training import inputs, random_graph, ucls_config
from ucls.devices import fast_precision
from ucls.ensemble import consensus
from ucls.malloc import freed_memory_kept
from ucls.merging import merge_heads
from ucls.metrics.baselines import kmeans
from ucls.neighbors.made_up import made_up_graph
from ucls.settings.config import SelfTrainConfig
from ucls.settings.presets import DINOV2_RATES
from ucls.training.trainer import HeadTrainer
from ucls.usage import measure

Grid = tuple[Size, dict[str, tuple[int, int]]]
SIZES = Path(__file__).with_name("sizes.toml")
BATCH_SIZE = 1024
ITERATIONS = 10
EPOCHS = 1000
"""So many that no look at the heads falls into an epoch that is timed."""
OVER_CLUSTERING = 3
SMALLEST = Size(BATCH_SIZE, 4, 2, 16)
"""Makes libraries load what they load late."""
LONG = 10.0
"""Seconds, beside which a cold start is nothing: a first run of so many counts as the only one."""


def prepare_neighbors(size: Size) -> Work:
    """S_x of all images, with the thesis's k and threshold and the cap N / C."""
    features = simulated_features(size)
    return lambda: build_graph(features, size.cap)


def prepare_train(size: Size) -> Work:
    """An epoch of all heads; ten random neighbours serve as well as the real ones."""
    cpu = torch.device("cpu")
    config = ucls_config(size, precision=fast_precision(cpu), epochs=EPOCHS, batch_size=BATCH_SIZE)
    made = inputs(simulated_features(size), random_graph(size.n_images), size)
    trainer = HeadTrainer.on(**made, config=config, device=cpu)
    return freed_memory_kept()(trainer.train_epoch)


def prepare_merge(size: Size) -> Work:
    """Heads of three times as many clusters as wanted, merged by a made-up graph."""
    n_heads, n_own = size.n_heads, OVER_CLUSTERING * size.n_clusters
    classes, heads = make_label_matrix(size.n_images, n_own, n_heads=n_heads, mode="independent")
    graph = made_up_graph(ring_neighbors(classes, K))
    return lambda: merge_heads(heads, graph, size.n_clusters, head_clusters=[n_own] * n_heads)


def prepare_ensemble(size: Size) -> Work:
    """MCLA of made-up heads."""
    _, heads = make_label_matrix(size.n_images, size.n_clusters, n_heads=size.n_heads, mode="hard")
    return lambda: consensus(heads, size.n_clusters, method="mcla")


def prepare_self_train(size: Size) -> Work:
    """All linear classifiers, for a few iterations, on tokens at random."""
    config = SelfTrainConfig(
        iterations=ITERATIONS, batch_size=BATCH_SIZE, learning_rates=DINOV2_RATES
    )
    return self_training(size, config)


def prepare_evaluate(size: Size) -> Work:
    """One k-means, the part of ``evaluate`` that grows with everything."""
    features = simulated_features(size).astype(np.float32)
    return lambda: kmeans({"train": features}, n_clusters=size.n_clusters, restarts=1)


def ring_neighbors(classes: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.int32]:
    """The next ``k`` of each image [N] in the order of the classes, so that most share its own."""
    n_images = len(classes)
    order = np.argsort(classes, kind="stable").astype(np.int32)
    places = np.empty_like(order)
    places[order] = np.arange(n_images, dtype=np.int32)
    return order[(places[:, None] + np.arange(1, k + 1, dtype=np.int32)) % n_images]


WORKS: dict[str, tuple[str, Callable[[Size], Work]]] = {
    "neighbors": ("all neighbour sets", prepare_neighbors),
    "train": (f"an epoch, batch {BATCH_SIZE:,}", prepare_train),
    "merge": (f"merging heads of {OVER_CLUSTERING} C clusters", prepare_merge),
    "ensemble": ("MCLA", prepare_ensemble),
    "self-train": (f"{ITERATIONS} iterations, batch {BATCH_SIZE:,}", prepare_self_train),
    "evaluate": ("one k-means", prepare_evaluate),
}
"""What is timed of a stage, and what makes the inputs of a size and returns the work on them; in
the order of a run."""


def read_grids(kind: str) -> dict[str, Grid]:
    """The ``full`` or ``quick`` sizes of each stage, which lie around one."""
    grids = tomllib.loads(SIZES.read_text(encoding="utf-8"))[kind]
    return {stage: (Size(*grid.pop("base")), grid) for stage, grid in grids.items()}


def sizes_of(grid: Grid) -> list[Size]:
    """All sizes, each once, axis after axis: a value is halved and doubled so many times."""
    base, axes = grid
    varied = (
        base.with_axis(letter, base.on_axis(letter) * 2**power // 2**below)
        for letter, (below, above) in axes.items()
        for power in range(below + above + 1)
    )
    return list(dict.fromkeys(varied))


def measure_growth(stage: str, grid: Grid, *, repeats: int) -> StageGrowth:
    """Times one stage at each size so often, after a first run that tells the memory."""
    sizes = sizes_of(grid)
    outcome = run_in_process(measure_sizes, stage, [asdict(size) for size in sizes], repeats)
    found = zip(sizes, outcome.result, strict=True)
    points = tuple(Point(size, tuple(seconds), memory) for size, (seconds, memory) in found)
    return StageGrowth(stage, WORKS[stage][0], grid[0], points)


def measure_sizes(
    stage: str, sizes: list[dict[str, Any]], repeats: int
) -> list[tuple[list[float], float]]:
    """The seconds of each repeat and the memory, in megabytes, at each size, in this process."""
    _, prepare = WORKS[stage]
    prepare(SMALLEST)()
    bare = resident_mb()
    return [measure_size(prepare, Size(**size), repeats=repeats, bare_mb=bare) for size in sizes]


def measure_size(
    prepare: Callable[[Size], Work], size: Size, *, repeats: int, bare_mb: float
) -> tuple[list[float], float]:
    """Seconds of each repeat, and megabytes of 10^6 bytes beyond those of the bare process."""
    work = prepare(size)
    resident_mb()
    with measure() as usage:
        work()
    is_long = usage.seconds >= LONG
    seconds = [usage.seconds] if is_long else [time_once(work) for _ in range(repeats)]
    return seconds, usage.peak_memory_mb * 2**20 / 1e6 - bare_mb


def resident_mb() -> float:
    """Megabytes of this process, after what was freed is given back where that can be told."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    return float(psutil.Process().memory_info().rss) / 1e6
