"""How many clusters are suggested for sets whose number of classes is known, by ours and others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from benchmarks.records import Record
from benchmarks.sets import SETS as QUALITY_SETS
from benchmarks.sets import Opener, blobs, made_file, sphere
from ucls.counting import suggest_n_clusters
from ucls.preparation.fitting import fit_space
from ucls.preparation.prepared import Preparation
from ucls.report.table import Table

Features = npt.NDArray[np.float32]
Count = Callable[[Features, int], int]
MOST = 250
COMPONENTS = 32
SILHOUETTE_SAMPLE = 2000
REFERENCES = 3
"""Uniform sets that the gap statistic is told from."""
DIPMEANS = "DipMeans (ClustPy)"
HAS_CLUSTPY = find_spec("clustpy") is not None
WITHOUT_CLUSTPY = f"{DIPMEANS} needs another package: pip install clustpy"


@dataclass(frozen=True, kw_only=True)
class NumbersRecord(Record):
    """What was suggested, and in how many seconds."""

    made_by: ClassVar[str] = "numbers"

    n_classes: dict[str, int]
    """By set."""
    results: dict[str, dict[str, list[dict[str, float]]]]
    """By set and method, for each seed ``k`` and ``s``."""


def cloud(n_images: int = 2000, width: int = 64) -> dict[str, Any]:
    """One round cloud."""
    features = np.random.default_rng(0).normal(size=(n_images, width)).astype(np.float32)
    return {"features": features, "labels": np.zeros(n_images, np.int32)}


SETS: Mapping[str, Opener] = {
    **{
        name: QUALITY_SETS[name]
        for name in (
            "digits", "digits, 10:1", "noisy blobs, 1,000 images", "sphere", "sphere, 20:1",
            "sheets, 20:1", "Fashion-MNIST",
        )
        if name in QUALITY_SETS
    },
    "one cloud": made_file(cloud),
    "two blobs": made_file(partial(blobs, 1000, noise=0.1, n_clusters=2)),
    "sphere, 10 classes": made_file(partial(sphere, 1.0, n_images=2000, n_clusters=10)),
    "sphere, 100 classes": made_file(partial(sphere, 1.0, n_clusters=100)),
    "sphere, 200 classes": made_file(partial(sphere, 1.0, n_images=9000, n_clusters=200)),
}  # fmt: skip


def prepared(features: Features) -> Features:
    """As a run prepares them, which every method is given."""
    space = fit_space(features, "auto").space
    return Preparation([space]).of_array(features.copy())


def _ours(features: Features, seed: int) -> int:
    return suggest_n_clusters(features, seed=seed).n_clusters


def _components(features: Features, seed: int) -> Features:
    from sklearn.decomposition import PCA

    found: Features = PCA(min(COMPONENTS, *features.shape), random_state=seed).fit_transform(
        features
    )
    return found


def _numbers(n_images: int) -> list[int]:
    """From 2 to 250, each about 1.2 times the one before."""
    numbers = np.unique(np.round(1.2 ** np.arange(4, 31)).astype(int))
    return [int(number) for number in numbers if number <= min(MOST, n_images // 5)]


def _kmeans(features: Features, n_clusters: int, seed: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(n_clusters, n_init=1, random_state=seed).fit(features)


def _silhouette(features: Features, seed: int) -> int:
    from sklearn.metrics import silhouette_score

    reduced = _components(features, seed)

    def score(n_clusters: int) -> float:
        labels = _kmeans(reduced, n_clusters, seed).labels_
        sample = min(SILHOUETTE_SAMPLE, len(reduced))
        return float(silhouette_score(reduced, labels, sample_size=sample, random_state=seed))

    return max(_numbers(len(reduced)), key=score)


def _gap_statistic(features: Features, seed: int) -> int:
    """Tibshirani, Walther & Hastie, 2001; reference sets are uniform along principal axes."""
    reduced = _components(features, seed)
    rng = np.random.default_rng(seed)
    low, high = reduced.min(axis=0), reduced.max(axis=0)
    references = [
        rng.uniform(low, high, size=reduced.shape).astype(np.float32) for _ in range(REFERENCES)
    ]
    numbers = [1, *_numbers(len(reduced))]
    gaps, errors = [], []
    for number in numbers:
        inertia = [np.log(_kmeans(made, number, seed).inertia_) for made in references]
        gaps.append(np.mean(inertia) - np.log(_kmeans(reduced, number, seed).inertia_))
        errors.append(np.std(inertia) * (1 + 1 / REFERENCES) ** 0.5)
    for place in range(len(numbers) - 1):
        if gaps[place] >= gaps[place + 1] - errors[place + 1]:
            return numbers[place]
    return numbers[-1]


def _hdbscan(features: Features, seed: int) -> int:
    from sklearn.cluster import HDBSCAN

    reduced = _components(features, seed)
    labels = HDBSCAN(min_cluster_size=max(5, len(reduced) // 200), copy=True).fit(reduced).labels_
    return max(int(labels.max()) + 1, 1)


def _dipmeans(features: Features, seed: int) -> int:
    """Clusters split in two until distances within have one peak (Kalogeratos & Likas, 2012)."""
    from clustpy.centroid import DipMeans

    model = DipMeans(max_n_clusters=MOST, random_state=seed)
    return int(model.fit(_components(features, seed)).n_clusters_)


METHODS: Mapping[str, Count] = {
    "ucls": _ours,
    "silhouette": _silhouette,
    "gap statistic": _gap_statistic,
    "HDBSCAN": _hdbscan,
    **({DIPMEANS: _dipmeans} if HAS_CLUSTPY else {}),
}


def numbers_table(record: NumbersRecord) -> Table:
    """A row for each set: what each method suggests, from the least to the most over the seeds."""
    methods: Sequence[str] = [*dict.fromkeys(m for rows in record.results.values() for m in rows)]
    rows = [
        [name, str(record.n_classes[name]), *(_cell(found.get(method)) for method in methods)]
        for name, found in record.results.items()
    ]
    return Table(["set", "classes", *methods], rows)


def _cell(runs: Sequence[Mapping[str, float]] | None) -> str:
    if not runs:
        return ""
    found = [int(run["k"]) for run in runs]
    numbers = str(min(found)) if min(found) == max(found) else f"{min(found)} to {max(found)}"
    return f"{numbers} ({np.mean([run['s'] for run in runs]):.1f} s)"
