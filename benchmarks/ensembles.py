"""Seconds, memory and accuracy of the consensus methods, on heads made up for the purpose."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.consensus_process import combine
from benchmarks.label_matrices import make_label_matrix
from benchmarks.options import choose
from benchmarks.process import run_in_process
from benchmarks.records import Record
from benchmarks.tables import Table
from ucls.ensemble.methods import METHODS
from ucls.errors import UclsError
from ucls.metrics import clustering_accuracy, nmi

ALL = "all"
HEADINGS = ("method", "s", "GB", "ACC", "NMI", "ANMI", "occupied", "")

Figures = dict[str, Any]
Labels = npt.NDArray[np.int32]


class Heads(NamedTuple):
    """The size of made-up labels, and how heads err."""

    n_images: int
    n_clusters: int
    n_heads: int
    mode: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class EnsemblesRecord(Record):
    """What one call measured.

    Attributes:
        settings: of the call.
        heads: the mean, least and largest ACC of single heads.
        methods: ``seconds``, ``gigabytes``, ``acc``, ``nmi``, ``anmi`` and ``occupied_clusters``,
            or why a method is ``left_out``.
    """

    made_by: ClassVar[str] = "ensembles"

    settings: dict[str, Any]
    heads: dict[str, float]
    methods: dict[str, Figures]


def choose_methods(text: str, heads: Heads) -> Mapping[str, bool]:
    """Reads names with commas between them, or ``all``.

    Returns:
        Whether to run each: ``all`` leaves out what would take very long.

    Raises:
        UsageError: if one is not known.
    """
    labels = np.broadcast_to(np.int32(0), (heads.n_heads, heads.n_images))
    return {
        name: text != ALL or METHODS[name].work(labels, heads.n_clusters) <= METHODS[name].largest
        for name in choose(text, METHODS, what="--methods")
    }


def measure_methods(
    heads: Heads,
    methods: Mapping[str, bool],
    *,
    repeats: int,
    told: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, float], dict[str, Figures]]:
    """Runs each method in a fresh process.

    The quickest of the repeats and the largest peak count; ``told`` is given a line for each method
    that is over.

    Returns:
        The figures of single heads and of the methods, as in :class:`EnsemblesRecord`.
    """
    size = heads._asdict()
    classes, labels = make_label_matrix(size.pop("n_images"), size.pop("n_clusters"), **size)
    accuracies = [clustering_accuracy(classes, head) for head in labels]
    single = {"mean": float(np.mean(accuracies)), "min": min(accuracies), "max": max(accuracies)}
    found: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "labels.npy", labels)
        del labels  # leaves the methods more memory
        for name, runs in methods.items():
            found[name] = {"left_out": f"would take very long: run it with --methods {name}"}
            if runs:
                each = [_measure(name, Path(folder), classes, heads) for _ in range(repeats)]
                found[name] = best_of(each)
            told(f"{name}: {found[name].get('left_out', 'done')}")
    return single, found


def best_of(repeats: Sequence[Figures]) -> Figures:
    """The figures of runs that found the same: the least seconds and the largest peak."""
    if any("left_out" in figures for figures in repeats):
        return next(figures for figures in repeats if "left_out" in figures)
    return repeats[0] | {
        "seconds": min(figures["seconds"] for figures in repeats),
        "gigabytes": max(figures["gigabytes"] for figures in repeats),
    }


def ensembles_table(methods: Mapping[str, Figures]) -> Table:
    """A line for every method."""
    return Table(HEADINGS, [[name, *_cells(figures)] for name, figures in methods.items()])


def _cells(figures: Figures) -> list[str]:
    if "left_out" in figures:
        return [*[""] * (len(HEADINGS) - 2), figures["left_out"]]
    scores = [f"{figures[name]:.4f}" for name in ("acc", "nmi", "anmi")]
    usage = [f"{figures['seconds']:.2f}", f"{figures['gigabytes']:.2f}"]
    return [*usage, *scores, str(figures["occupied_clusters"]), ""]


def _measure(name: str, folder: Path, classes: Labels, heads: Heads) -> Figures:
    labels, out = folder / "labels.npy", folder / "clustering.npy"
    try:
        done = run_in_process(combine, str(labels), name, heads.n_clusters, heads.seed, str(out))
    except UclsError as error:
        return {"left_out": str(error)}
    figures: Figures = done.result
    if "left_out" in figures:
        return figures
    clustering = np.load(out)
    return {
        **figures,
        "gigabytes": done.peak_mb / 1000,
        "acc": clustering_accuracy(classes, clustering),
        "nmi": nmi(classes, clustering),
    }
