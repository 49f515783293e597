"""What known labels and pairs of some images are worth, to the images of which nothing is known."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.ablations.plan import UNTIMED
from benchmarks.numbers import prepared
from benchmarks.runner import run_stages
from benchmarks.sets import LabelledSet
from ucls.config import Config
from ucls.metrics import clustering_accuracy
from ucls.report.table import Table
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.types import Effort

Labels = npt.NDArray[np.int32]
SHARES = (0.01, 0.05, 0.1)
PAIRS = (50, 200)


class Accuracy(NamedTuple):
    """ACC of the images of which nothing is known."""

    without: float
    """Of the run that knows nothing."""
    known: float
    """Of ``labels.csv`` of the run that knows them."""
    peer: float | None
    """Of scikit-learn's ``LabelSpreading``; None for pairs."""


class Drawn(NamedTuple):
    """What is known of some images."""

    text: str
    """The file."""
    rows: npt.NDArray[np.int64]
    is_labels: bool


def draw(labels: Labels, paths: Sequence[str], seed: int) -> Iterator[tuple[str, Drawn]]:
    """Labels of some of N images, then pairs of some, by the name of the row."""
    rng = np.random.default_rng(seed)
    for share in SHARES:
        rows = rng.choice(len(labels), round(share * len(labels)), replace=False)
        lines = [f"{paths[row]},class {labels[row]}" for row in rows.tolist()]
        yield f"labels of {share:.0%}", Drawn("\n".join(["path,label", *lines]), rows, True)
    for n_pairs in PAIRS:
        pairs = rng.choice(len(labels), (n_pairs, 2), replace=False)
        links = np.where(labels[pairs[:, 0]] == labels[pairs[:, 1]], "must", "cannot")
        lines = [
            f"{paths[a]},{paths[b]},{link}"
            for (a, b), link in zip(pairs.tolist(), links, strict=True)
        ]
        text = "\n".join(["path_a,path_b,link", *lines])
        yield f"{n_pairs} pairs", Drawn(text, pairs.ravel(), False)


def measure(data: LabelledSet, folder: Path, *, effort: Effort, seed: int) -> dict[str, Accuracy]:
    """One run that knows nothing, gone on with from its trained heads by what is known."""
    features = prepared(data.features)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        path, known = Path(made) / "run", Path(made) / "known.csv"
        config = Config(seed=seed, effort=effort, n_clusters=data.n_classes).with_values(UNTIMED)
        begun = ("extract", "neighbors", "train", "merge", "ensemble", "self-train")
        run_stages(data.source, config, path, stages=begun, cache_dir=folder / "cache")
        with Run(path).features("train") as cache:
            paths = cache.paths()
        without, found = _labels(path), {}
        config = config.with_values({"merge.known": str(known)})
        for name, drawn in draw(data.labels, paths, seed):
            known.write_text(drawn.text, encoding="utf-8")
            run_stages(None, config, path, stages=("merge", "ensemble", "self-train"))
            others = np.setdiff1d(np.arange(len(without)), drawn.rows)
            score = partial(_accuracy, data.labels, others)
            peer = score(spread(features, data.labels, drawn.rows)) if drawn.is_labels else None
            found[name] = Accuracy(score(without), score(_labels(path)), peer)
    return found


def _labels(run: Path) -> Labels:
    """What ``labels.csv`` says of the training images."""
    labels = read_labels(Run(run))
    return labels.clusters[labels.rows_of("train")]


def _accuracy(labels: Labels, rows: npt.NDArray[np.int64], clusters: Labels) -> float:
    return clustering_accuracy(labels[rows], clusters[rows])


def spread(
    features: npt.NDArray[np.float32], labels: Labels, rows: npt.NDArray[np.int64]
) -> Labels:
    """What scikit-learn makes of the labels of some rows, over nearest neighbours."""
    from sklearn.semi_supervised import LabelSpreading

    known = np.full_like(labels, -1)
    known[rows] = labels[rows]
    found: Labels = LabelSpreading(kernel="knn").fit(features, known).transduction_
    return found


def known_table(results: Mapping[str, Sequence[Accuracy]]) -> Table:
    """Means over the seeds, and the least that was gained."""
    rows = []
    for name, runs in results.items():
        without, known = (np.array([run[place] for run in runs]) for place in (0, 1))
        peers = [run.peer for run in runs if run.peer is not None]
        least = (known - without).min()
        peer = f"{np.mean(peers):.3f}" if peers else ""
        rows.append([name, f"{without.mean():.3f}", f"{known.mean():.3f}", f"{least:+.3f}", peer])
    return Table(["known", "without", "with", "least gain", "LabelSpreading"], rows)
