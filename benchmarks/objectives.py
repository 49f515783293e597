"""Every objective on the same features of scikit-learn's digits, with the same neighbours."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from benchmarks.ablations.plan import UNTIMED
from benchmarks.options import pick
from benchmarks.records import Record
from benchmarks.runner import run_stages
from ucls.cache import read_graph, write_graph
from ucls.config import Config
from ucls.peers.forms import ALONE, NOT_MERGED, Settings
from ucls.report.table import Table
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.settings.objectives import objective_names
from ucls.sources import Source
from ucls.types import NeighborGraph

Figures = dict[str, float]
Labels = npt.NDArray[np.int32]

VARIANTS: Mapping[str, Settings] = {
    **{name: {"train.objective": name} for name in objective_names()},
    **{f"{name}, not merged": settings for name, settings in NOT_MERGED.items()},
    "ucls, soft prior": {"train.prior": "soft"},
    "ucls, soft prior, not merged": {**ALONE, "train.prior": "soft"},
    "ucls, no prior, not merged": {**ALONE, "train.prior": "none"},
    **{
        f"{name}, with Sinkhorn": {"train.objective": name, "train.prior": "uniform"}
        for name in ("temi", "scan")
    },
    # The nearest neighbours alone.
    **{
        f"{name}, plain": {**NOT_MERGED[name], "neighbors.threshold": 1.0}
        for name in ("temi", "scan")
    },
}
"""Settings by the name of their row."""
SCORES = {"ACC": "acc", "class ACC": "acc_class_mean", "NMI": "nmi", "ARI": "ari"}


@dataclass(frozen=True, kw_only=True)
class ObjectivesRecord(Record):
    """The figures of each seed, by the name of the row."""

    made_by: ClassVar[str] = "objectives"

    settings: dict[str, Any]
    results: dict[str, list[Figures]]


def choose_rows(names: Sequence[str] | None) -> list[str]:
    """The rows of these names, every row for ``all``, or one for each objective by default."""
    if names is None:
        return list(objective_names())
    return list(VARIANTS) if "all" in names else pick(names, VARIANTS, what="row")


def run_variant(
    settings: Settings, source: Source, *, seed: int, folder: Path, oracle: bool
) -> Figures:
    """One run up to its consensus; the scores of that and the seconds of its training.

    The oracle trains with neighbours that the labels give (thesis table 6.5), and merges by the
    real ones.
    """
    config = Config(seed=seed).with_values({"n_clusters": 10, **UNTIMED, **settings})
    with tempfile.TemporaryDirectory(dir=folder) as out:
        run = Path(out) / "run"
        begun = ("extract", "neighbors")
        run_stages(source, config, run, stages=begun, cache_dir=folder / "cache")
        own = read_graph(run / "neighbors.h5")
        if oracle:
            write_graph(run / "neighbors.h5", oracle_graph(known_labels(Run(run))["train"]))
        run_stages(None, config, run, stages=("train",))
        write_graph(run / "neighbors.h5", own)
        figures, seconds = run_stages(None, config, run, stages=("merge", "ensemble", "evaluate"))
    chosen = figures["train"]["ensemble.chosen"]
    return {**{name: chosen[key] for name, key in SCORES.items()}, "s": seconds["train"]}


def objectives_table(results: Mapping[str, Sequence[Figures]]) -> Table:
    """Mean and standard deviation of every score over the seeds, and the mean seconds."""
    rows = []
    for name, runs in results.items():
        by_score = [[figures[score] for figures in runs] for score in SCORES]
        cells = [f"{np.mean(values):.3f} ± {np.std(values):.3f}" for values in by_score]
        rows.append([name, *cells, f"{np.mean([figures['s'] for figures in runs]):.1f}"])
    return Table(["", *SCORES, "s"], rows)


def oracle_graph(labels: Labels) -> NeighborGraph:
    """The graph in which the neighbours of an image are all others of its class (table 6.5)."""
    members = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
    rows = [members[label][members[label] != row] for row, label in enumerate(labels)]
    counts = np.array([len(row) for row in rows])
    return NeighborGraph(
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        indices=np.concatenate(rows).astype(np.int32),
        similarity=np.ones(counts.sum(), dtype=np.float16),
        k=int(counts.min()),
        threshold=None,
        cap=None,
        n_capped=0,
        backend="labels",
        exact=True,
    )
