"""Quality against cost: what each setting of the training buys, on sets of different kinds."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from benchmarks.machine import describe_machine
from benchmarks.objectives import digits_source
from benchmarks.records import Record
from benchmarks.runner import run_stages
from benchmarks.tables import Table
from ucls.config import Config
from ucls.errors import UsageError
from ucls.metrics import clustering_accuracy
from ucls.metrics.scores import class_averaged_accuracy, nmi
from ucls.pipeline import start
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.settings.objectives import objective_names
from ucls.sources import Source, load_source

Settings = Mapping[str, Any]
Figures = dict[str, float]
Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

STAGES = ("extract", "neighbors", "train", "merge", "ensemble", "evaluate")
CLUSTERING = STAGES[1:-1]
"""Of these the seconds count: from features to labels."""
QUIET: Settings = {"evaluate.upper_bounds": False, "evaluate.kmeans_restarts": 1}
N_HEADS = 4
"""Of the rows that vary one setting, at once: growth would hide what it costs."""


def _one(name: str, value: Any) -> Settings:
    return {"train.n_heads": N_HEADS, f"train.{name}": value}


ROWS: Mapping[str, Settings] = {
    "quick": {"effort": "quick"},
    "normal": {"effort": "normal"},
    "thorough": {"effort": "thorough"},
    "4 heads": {"train.n_heads": N_HEADS},
    "8 heads": {"train.n_heads": 8},
    "32 wide": {**_one("hidden_dim", 32), "train.bottleneck_dim": 32},
    "128 wide": {**_one("hidden_dim", 128), "train.bottleneck_dim": 128},
    "512 wide": {**_one("hidden_dim", 512), "train.bottleneck_dim": 256},
    "64 components": _one("components", 64),
    "256 components": _one("components", 256),
    "all components": _one("components", "all"),
    "15 epochs": _one("epochs", 15),
    "60 epochs": _one("epochs", 60),
    "batch 128": _one("batch_size", 128),
    "batch 512": _one("batch_size", 512),
    "1 neighbour": _one("n_smoothing", 1),
    "not over-clustered": _one("scales", [1]),
    "2 times the clusters": _one("scales", [2]),
    "5 times the clusters": _one("scales", [5]),
    "float32": _one("precision", "float32"),
    "to the last epoch": _one("early_stopping", False),
    **{name: {"train.objective": name} for name in objective_names() if name != "ucls"},
}
"""Settings by the name of their row. Those from ``8 heads`` to ``to the last epoch`` vary ``4
heads``, and the other objectives ``normal``."""
BY_DEFAULT = tuple(name for name in ROWS if name not in objective_names())


def _kmeans(features: Features, n_clusters: int, seed: int) -> Labels:
    from sklearn.cluster import KMeans

    found: Labels = KMeans(n_clusters, n_init=1, random_state=seed).fit_predict(features)
    return found


def _pca(features: Features, seed: int) -> Features:
    from sklearn.decomposition import PCA

    n_components = min(128, *features.shape)
    reduced: Features = PCA(n_components, random_state=seed).fit_transform(features)
    return reduced


def _ward(features: Features, n_clusters: int, seed: int) -> Labels:
    from sklearn.cluster import AgglomerativeClustering

    found: Labels = AgglomerativeClustering(n_clusters).fit_predict(_pca(features, seed))
    return found


def _spectral(features: Features, n_clusters: int, seed: int) -> Labels:
    from sklearn.cluster import SpectralClustering

    model = SpectralClustering(
        n_clusters, affinity="nearest_neighbors", assign_labels="cluster_qr", random_state=seed
    )
    found: Labels = model.fit_predict(_pca(features, seed))
    return found


PEERS: Mapping[str, Callable[[Features, int, int], Labels]] = {
    "k-means": _kmeans,
    "PCA + k-means": lambda features, k, seed: _kmeans(_pca(features, seed), k, seed),
    "PCA + Ward": _ward,
    "PCA + spectral": _spectral,
}
"""Of scikit-learn, each once with its defaults; PCA to 128 components."""


@dataclass(frozen=True, kw_only=True)
class EffortsRecord(Record):
    """The figures of each seed, by set and by row."""

    made_by: ClassVar[str] = "efforts"

    sets: dict[str, dict[str, Any]]
    """Images, features and clusters of each."""
    results: dict[str, dict[str, list[Figures]]]


def choose_rows(names: Sequence[str] | None, *, peers: bool) -> list[str]:
    """The rows of these names, or all but the other objectives; UsageError for unknown ones."""
    if unknown := [name for name in names or () if name not in (*ROWS, *PEERS)]:
        known = "; ".join((*ROWS, *PEERS))
        raise UsageError(f"there is no row {unknown[0]!r}; choose some of {known}")
    return [*(BY_DEFAULT if names is None else names), *(PEERS if peers else ())]


def small_sets(folder: Path) -> dict[str, Source]:
    """What can be made here in seconds: digits, whole and in unequal classes, and made-up files."""
    path = folder / "made-up.npz"
    np.savez(path, **made_up())
    return {
        "digits": digits_source(folder, 1.0),
        "digits, classes 10:1": digits_source(folder, 10.0),
        "made up, classes 20:1": load_source(str(path)),
    }


def made_up(n_images: int = 6000, width: int = 256, n_clusters: int = 30) -> dict[str, Any]:
    """Features and labels: each class a curved sheet of its own, of sizes from 20 to 1.

    Rectified random mixtures, unlike the directions on a sphere of ``benchmarks simulate``.
    """
    rng = np.random.default_rng(7)
    sizes = np.geomspace(20, 1, n_clusters)
    sizes = np.maximum(1, np.round(n_images * sizes / sizes.sum())).astype(int)
    sizes[0] += n_images - sizes.sum()
    labels = rng.permutation(np.repeat(np.arange(n_clusters), sizes)).astype(np.int32)
    centres = 0.8 * rng.normal(size=(n_clusters, width))
    sheets = rng.normal(size=(n_clusters, 8, width))
    places = rng.normal(size=(n_images, 8))
    # Letters: n images, k coordinates, d features.
    curved = np.einsum("nk,nkd->nd", np.tanh(2.0 * places), sheets[labels]) / 8**0.5
    features = centres[labels] + 1.6 * curved + 1.2 * rng.normal(size=(n_images, width))
    return {"features": np.maximum(features, -0.2).astype(np.float32), "labels": labels}


def run_row(name: str, source: Source, *, seed: int, folder: Path) -> Figures:
    """The figures of one run, or of one peer on the same features."""
    cache_dir = folder / "cache"
    if name in PEERS:
        started = start(source, out=folder / "features", cache_dir=cache_dir, overwrite=True)
        return _run_peer(name, started, seed)
    config = Config(seed=seed).with_values({**QUIET, **ROWS[name]})
    figures, seconds = run_stages(
        source, config, folder / "run", stages=STAGES, cache_dir=cache_dir, overwrite=True
    )
    chosen, heads = figures["train"]["ensemble.chosen"], figures["train"]["heads"]
    return {
        "a head's ACC": heads["acc_mean"],
        "ACC": chosen["acc"],
        "class ACC": chosen["acc_class_mean"],
        "NMI": chosen["nmi"],
        "ANMI": chosen["anmi"],
        "heads": chosen["n_heads"],
        "training s": seconds["train"],
        "s": sum(seconds[stage] for stage in CLUSTERING),
    }


def _run_peer(name: str, run: Run, seed: int) -> Figures:
    labels = known_labels(run)["train"]
    with run.features("train") as cache:
        features = cache.read(run.feature_set).astype(np.float32)
    started = time.perf_counter()
    found = PEERS[name](features, run.n_clusters, seed).astype(np.int32)
    return {
        "ACC": clustering_accuracy(labels, found),
        "class ACC": class_averaged_accuracy(labels, found),
        "NMI": nmi(labels, found),
        "s": time.perf_counter() - started,
    }


def efforts_tables(results: Mapping[str, Mapping[str, Sequence[Figures]]]) -> Iterator[Table]:
    """A table for each set: mean and standard deviation over the seeds."""
    columns = {
        "ACC": 3, "class ACC": 3, "NMI": 3, "ANMI": 3, "a head's ACC": 3,
        "heads": 0, "training s": 1, "s": 1,
    }  # fmt: skip
    for name, rows in results.items():
        cells = [
            [row, *(_cell(runs, column, digits) for column, digits in columns.items())]
            for row, runs in rows.items()
        ]
        yield Table([name, *columns], cells)


def _cell(runs: Sequence[Figures], column: str, digits: int) -> str:
    values = [run[column] for run in runs if column in run]
    if not values:
        return ""
    spread = f" ± {np.std(values):.{digits}f}" if digits > 1 and len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def efforts_page(record: EffortsRecord) -> str:
    """All tables as a page of Markdown, with what they were made by."""
    machine = describe_machine(record.machine)
    head = (
        "# What each setting of the training buys\n\n"
        f"`{record.command}`, {record.measured[:10]}, on {machine}. Mean and deviation over the "
        "seeds. All but a head's ACC are of the consensus; `s` is the time from features to "
        "labels, without evaluation.\n"
    )
    sets = [(name, record.sets[name]) for name in record.results]
    tables = (
        f"\n{name}: {facts['images']:,} images, {facts['features']:,} features, "
        f"{facts['clusters']} clusters.\n\n{table.markdown()}"
        for (name, facts), table in zip(sets, efforts_tables(record.results), strict=True)
    )
    return head + "".join(tables)


def describe_set(source: Source, folder: Path) -> dict[str, Any]:
    """Images, features and clusters of a set."""
    run = start(source, out=folder / "features", cache_dir=folder / "cache", overwrite=True)
    with run.features("train") as cache:
        images, features = cache.read(run.feature_set).shape
    return {"images": images, "features": features, "clusters": run.n_clusters}
