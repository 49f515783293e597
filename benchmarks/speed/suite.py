"""All ratios: a quick set for every change, and the full set."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from benchmarks.speed.ensembles import ensemble_ratios
from benchmarks.speed.extraction import extraction_ratios
from benchmarks.speed.measurement import Measurement
from benchmarks.speed.neighbors import SearchSize, graph_ratio, search_ratios
from benchmarks.speed.self_training import self_training_ratios
from benchmarks.speed.training import (
    STRAIGHTFORWARD,
    accuracy_ratio,
    epoch_ratios,
    simulated_training,
    step_ratios,
)
from benchmarks.speed.whole_run import whole_run_shares
from benchmarks.step_products import Size

Area = Callable[[int], Iterable[Measurement]]
"""Takes the number of repeats."""

PRECISIONS = ("float32", "bfloat16")


class Scale(NamedTuple):
    """Of simulated features."""

    n_images: int
    n_features: int
    n_clusters: int


IMAGENET100 = Scale(128_545, 2048, 100)


def _quick_search(repeats: int) -> Iterable[Measurement]:
    return search_ratios(SearchSize(20_000, 512, 20, 4096), repeats=repeats)


def _quick_steps(repeats: int) -> Iterable[Measurement]:
    return step_ratios([Size(16, 1024, 100, 512, 512, 256)], PRECISIONS, repeats=repeats)


def _quick_epoch(repeats: int) -> Iterable[Measurement]:
    data = simulated_training(4_096, 512, 20)
    size = Size(16, 512, 20, 512, 512, 256)
    return epoch_ratios(data, size, precision="bfloat16", repeats=repeats)


def _search(repeats: int) -> Iterable[Measurement]:
    n_images, n_features, n_clusters = IMAGENET100
    return search_ratios(SearchSize(n_images, n_features, n_clusters, 4096), repeats=repeats)


def _graph(_: int) -> Iterable[Measurement]:
    n_images, n_features, n_clusters = IMAGENET100
    return [graph_ratio(SearchSize(n_images, n_features, n_clusters, n_images))]


def _steps(repeats: int) -> Iterable[Measurement]:
    sizes = [
        Size(heads, IMAGENET100.n_features, clusters, 1024, 512, 256)
        for heads in (1, 16, 50)
        for clusters in (10, 100, 1000)
    ]
    return step_ratios(sizes, PRECISIONS, repeats=repeats)


def _epoch(_: int) -> Iterable[Measurement]:
    size = Size(50, IMAGENET100.n_features, IMAGENET100.n_clusters, 1024, 512, 256)
    data = simulated_training(*IMAGENET100)
    return epoch_ratios(data, size, precision="bfloat16", repeats=1, peers=[STRAIGHTFORWARD])


def _accuracy(_: int) -> Iterable[Measurement]:
    n_images, n_features, n_clusters = IMAGENET100
    data = simulated_training(n_images // 5, n_features, n_clusters)
    size = Size(8, n_features, n_clusters, 1024, 512, 256)
    return accuracy_ratio(data, size, precision="bfloat16", epochs=10)


QUICK: Mapping[str, Area] = {
    "extraction": lambda repeats: extraction_ratios(n_images=32, repeats=repeats),
    "neighbors": _quick_search,
    "training": _quick_steps,
    "epoch": _quick_epoch,
    "ensembles": lambda repeats: ensemble_ratios(20_000, 20, 20, repeats=repeats),
    "self-training": lambda repeats: self_training_ratios(4_096, 256, 20, repeats=repeats),
    "whole-run": lambda _: whole_run_shares(2_000, 64, 10, settings={"train.epochs": 20}),
}
"""Within three minutes on two cores."""

FULL: Mapping[str, Area] = {
    "extraction": lambda repeats: extraction_ratios(n_images=384, repeats=repeats),
    "neighbors": _search,
    "graph": _graph,
    "training": _steps,
    "epoch": _epoch,
    "accuracy": _accuracy,
    "ensembles": lambda repeats: ensemble_ratios(128_545, 100, 50, repeats=repeats),
    "self-training": lambda repeats: self_training_ratios(128_545, 2048, 100, repeats=repeats),
    "whole-run": lambda _: whole_run_shares(12_850, 512, 10),
}
"""The sizes of ImageNet-100, but for extraction, accuracy and the whole run; an hour or two."""
