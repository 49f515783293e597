"""Seconds, memory and accuracy of the consensus methods, on heads made up for the purpose."""

import tempfile
from collections.abc import Callable, Mapping
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
from ucls.ensemble.methods import METHODS
from ucls.errors import UclsError
from ucls.metrics import clustering_accuracy
from ucls.metrics.scores import nmi
from ucls.report.table import Table

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
        heads: the mean, least and largest ACC of single heads.
        methods: ``seconds``, ``gigabytes``, ``acc``, ``nmi``, ``anmi`` and ``occupied_clusters``,
            or why a method is ``left_out``.
    """

    made_by: ClassVar[str] = "ensembles"

    settings: dict[str, Any]
    heads: dict[str, float]
    methods: dict[str, Figures]


def choose_methods(text: str, heads: Heads) -> Mapping[str, bool]:
    """Which methods to show, and whether to run each: ``all`` leaves out what takes very long."""
    labels = np.broadcast_to(np.int32(0), (heads.n_heads, heads.n_images))
    return {
        name: text != "all" or METHODS[name].work(labels, heads.n_clusters) <= METHODS[name].largest
        for name in choose(text, METHODS, what="--methods")
    }


def measure_methods(
    heads: Heads, methods: Mapping[str, bool], *, repeats: int, told: Callable[[str], None]
) -> tuple[dict[str, float], dict[str, Figures]]:
    """Runs each method in fresh processes; returns ``heads`` and ``methods`` of the record."""
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
                found[name] = _measure(name, Path(folder), classes, heads, repeats)
            told(f"{name}: {found[name].get('left_out', 'done')}")
    return single, found


def ensembles_table(methods: Mapping[str, Figures]) -> Table:
    """A line for every method."""
    rows = []
    for name, figures in methods.items():
        cells = [""] * (len(HEADINGS) - 2)
        if "left_out" not in figures:
            scores = [f"{figures[score]:.4f}" for score in ("acc", "nmi", "anmi")]
            usage = [f"{figures['seconds']:.2f}", f"{figures['gigabytes']:.2f}"]
            cells = [*usage, *scores, str(figures["occupied_clusters"])]
        rows.append([name, *cells, figures.get("left_out", "")])
    return Table(HEADINGS, rows)


def _measure(name: str, folder: Path, classes: Labels, heads: Heads, repeats: int) -> Figures:
    """The quickest of the repeats and the largest peak, with the scores, or what went wrong."""
    labels, out = folder / "labels.npy", folder / "clustering.npy"
    arguments = (str(labels), name, heads.n_clusters, heads.seed, str(out))
    try:
        each = [run_in_process(combine, *arguments) for _ in range(repeats)]
    except UclsError as error:
        return {"left_out": str(error)}
    clustering = np.load(out)
    return {
        **each[0].result,
        "seconds": min(done.result["seconds"] for done in each),
        "gigabytes": max(done.peak_mb for done in each) / 1000,
        "acc": clustering_accuracy(classes, clustering),
        "nmi": nmi(classes, clustering),
    }
