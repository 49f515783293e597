"""The rows of the table: UCLS in several forms, the objectives of others, and peers."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.efforts import CLUSTERING, Figures
from benchmarks.objectives import VARIANTS, Settings
from benchmarks.peers import PEERS, Labels, count_clusters
from benchmarks.runner import run_stages
from benchmarks.sets import LabelledSet
from ucls.config import Config
from ucls.metrics import clustering_accuracy
from ucls.metrics.scores import class_averaged_accuracy, nmi
from ucls.runs.run import Run
from ucls.sources import Source


class Ours(NamedTuple):
    """A run of UCLS with some settings."""

    settings: Settings
    k: float = 1.0
    """Clusters asked for, over the number of classes."""


OURS: Mapping[str, Ours] = {
    **{
        name: Ours(VARIANTS[name])
        for name in (
            "temi, not merged", "scan, not merged", "turtle, not merged", "ucls, not merged",
            "ucls, soft prior, not merged",
        )
    },
    "ucls, quick": Ours({"effort": "quick"}),
    "ucls": Ours({}),
    "ucls, k x 0.8": Ours({}, k=0.8),
    "ucls, k x 1.2": Ours({}, k=1.2),
}  # fmt: skip
"""By the name of their row. What is not merged is the objective as its paper has it."""
ABLATIONS: Mapping[str, Ours] = {
    f"quick, {name}": Ours({"effort": "quick", **settings})
    for name, settings in {
        "one tree": {"merge.linkage": "diffusion"},
        "spectral by head": {"merge.linkage": "spectral"},
        "average by head": {"merge.linkage": "average"},
        "2 times the clusters": {"train.scales": [2]},
        "6 times the clusters": {"train.scales": [6]},
        "10 times the clusters": {"train.scales": [10]},
        "features as they are": {"neighbors.prepare": "none"},
        "standardised": {"neighbors.prepare": "standardize"},
        "whitened": {"neighbors.prepare": "whiten"},
    }.items()
}
"""What vary ``ucls, quick``; asked for by name."""
METHODS = (*PEERS, *OURS)
QUICK = (
    "k-means", "PCA + Ward", "PCA + spectral", "PCA + HDBSCAN", "PCA + Leiden", "PCA + Gaussians",
    "ucls, not merged", "ucls, quick", "ucls",
)  # fmt: skip
OF_CURVES = (
    "k-means", "PCA + Gaussians", "PCA + HDBSCAN", "PCA + Leiden", "ucls, soft prior, not merged",
    "ucls",
)  # fmt: skip
"""Those that are shown over the ratio of class sizes."""


def measure(name: str, data: LabelledSet, *, seed: int, folder: Path) -> Figures:
    """Scores of a method, and its seconds from features to clusters.

    The folder is the one that the set was read with; a run is left in it.
    """
    if name in PEERS:
        wanted, started = data.n_classes, time.perf_counter()
        found = PEERS[name](data.features, wanted, seed)
        seconds = time.perf_counter() - started
    else:
        ours = {**OURS, **ABLATIONS}[name]
        wanted = round(ours.k * data.n_classes)
        config = Config(seed=seed).with_values({**ours.settings, "n_clusters": wanted})
        found, seconds = _run(data.source, config, folder)
    return {
        "ACC": clustering_accuracy(data.labels, found),
        "class ACC": class_averaged_accuracy(data.labels, found),
        "NMI": nmi(data.labels, found),
        "clusters": count_clusters(found),
        "wanted": wanted,
        "s": seconds,
    }


def _run(source: Source, config: Config, folder: Path) -> tuple[Labels, float]:
    """The consensus of a run up to there, and its seconds."""
    stages, path = ("extract", *CLUSTERING), folder / "run"
    cache_dir = folder / "cache"
    _, seconds = run_stages(
        source, config, path, stages=stages, cache_dir=cache_dir, overwrite=True
    )
    found = Run(path).consensuses.chosen().labels["train"]
    # Where nothing is to be merged, there is no time of merging.
    return found, sum(seconds.get(stage, 0.0) for stage in CLUSTERING)
