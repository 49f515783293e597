"""All ratios: a quick set for every change, and the full set."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from benchmarks.speed.ensembles import ensemble_ratios
from benchmarks.speed.extraction import extraction_ratios
from benchmarks.speed.measurement import Measurement
from benchmarks.speed.neighbors import graph_ratio, search_ratios
from benchmarks.speed.self_training import self_training_ratios
from benchmarks.speed.size import Size
from benchmarks.speed.training_ratios import (
    STRAIGHTFORWARD,
    accuracy_ratios,
    epoch_ratios,
    step_ratios,
)
from benchmarks.speed.whole_run import whole_run_shares

Area = Callable[[int], Iterable[Measurement]]
"""Takes the number of repeats."""

IMAGENET100 = Size(128_545, 100, 50, 2048)
FIFTH = replace(IMAGENET100, n_images=IMAGENET100.n_images // 5, n_heads=8)
SMALL_EPOCH = Size(4096, 20, 16, 512)
STEPS = [
    Size(2048, n_clusters, n_heads, 2048)
    for n_heads in (1, 16, 50)
    for n_clusters in (10, 100, 1000)
]

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
    "epoch": lambda _: epoch_ratios(IMAGENET100, repeats=1, peers=[STRAIGHTFORWARD]),
    "accuracy": lambda _: accuracy_ratios(FIFTH, epochs=10),
    "ensembles": lambda n: ensemble_ratios(IMAGENET100, repeats=n),
    "self-training": lambda n: self_training_ratios(IMAGENET100, repeats=n),
    "whole-run": lambda _: whole_run_shares(Size(12_850, 10, n_features=512)),
}
"""The sizes of ImageNet-100, but for extraction, accuracy and the whole run; an hour or two."""
