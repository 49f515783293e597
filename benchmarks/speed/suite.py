"""All ratios: a quick set for every change, and the full set."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from benchmarks.speed.ensembles import ensemble_ratios
from benchmarks.speed.extraction import extraction_ratios
from benchmarks.speed.measurement import Measurement
from benchmarks.speed.neighbors import graph_ratio, search_ratios
from benchmarks.speed.self_training import self_training_ratios
from benchmarks.speed.size import Size
from benchmarks.speed.training import simulated_training
from benchmarks.speed.training_ratios import (
    STRAIGHTFORWARD,
    accuracy_ratios,
    epoch_ratios,
    step_ratios,
)
from benchmarks.speed.whole_run import whole_run_shares

Area = Callable[[int], Iterable[Measurement]]
"""Takes the number of repeats."""

N_QUERIES = 4096
IMAGENET100 = Size(128_545, 100, 50, 2048)
SMALL_STEP = Size(1024, 100, 16, 1024)
SMALL_EPOCH = Size(4096, 20, 16, 512)
SMALL_BATCH = {"batch_size": 512}


def _steps(repeats: int) -> Iterable[Measurement]:
    sizes = [
        Size(2048, n_clusters, n_heads, IMAGENET100.n_features)
        for n_heads in (1, 16, 50)
        for n_clusters in (10, 100, 1000)
    ]
    return step_ratios(sizes, repeats=repeats)


def _epoch(_: int) -> Iterable[Measurement]:
    data = simulated_training(IMAGENET100)
    return epoch_ratios(data, IMAGENET100, repeats=1, peers=[STRAIGHTFORWARD])


def _accuracy(_: int) -> Iterable[Measurement]:
    size = replace(IMAGENET100, n_images=IMAGENET100.n_images // 5, n_heads=8)
    return accuracy_ratios(simulated_training(size), size, epochs=10)


QUICK: Mapping[str, Area] = {
    "extraction": lambda repeats: extraction_ratios(n_images=32, repeats=repeats),
    "neighbors": lambda repeats: search_ratios(
        Size(20_000, 20, n_features=512), n_queries=N_QUERIES, repeats=repeats
    ),
    "training": lambda repeats: step_ratios([SMALL_STEP], repeats=repeats, **SMALL_BATCH),
    "epoch": lambda repeats: epoch_ratios(
        simulated_training(SMALL_EPOCH), SMALL_EPOCH, repeats=repeats, **SMALL_BATCH
    ),
    "ensembles": lambda repeats: ensemble_ratios(Size(20_000, 20, 20), repeats=repeats),
    "self-training": lambda repeats: self_training_ratios(
        Size(4_096, 20, n_features=256), repeats=repeats
    ),
    "whole-run": lambda _: whole_run_shares(
        Size(2_000, 10, n_features=64), settings={"train.epochs": 20}
    ),
}
"""Within three minutes on two cores."""

FULL: Mapping[str, Area] = {
    "extraction": lambda repeats: extraction_ratios(n_images=384, repeats=repeats),
    "neighbors": lambda repeats: search_ratios(IMAGENET100, n_queries=N_QUERIES, repeats=repeats),
    "graph": lambda _: [graph_ratio(IMAGENET100)],
    "training": _steps,
    "epoch": _epoch,
    "accuracy": _accuracy,
    "ensembles": lambda repeats: ensemble_ratios(IMAGENET100, repeats=repeats),
    "self-training": lambda repeats: self_training_ratios(IMAGENET100, repeats=repeats),
    "whole-run": lambda _: whole_run_shares(Size(12_850, 10, n_features=512)),
}
"""The sizes of ImageNet-100, but for extraction, accuracy and the whole run; an hour or two."""
