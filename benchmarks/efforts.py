"""Quality against cost: what each setting of the training buys, on sets of different kinds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.records import Record
from benchmarks.runner import run_stages
from benchmarks.sets import read_set
from ucls.config import Config
from ucls.report.table import Table
from ucls.settings.objectives import objective_names
from ucls.sources import Source

Settings = Mapping[str, Any]
Figures = dict[str, float]

STAGES = ("extract", "neighbors", "train", "merge", "ensemble", "evaluate")
CLUSTERING = STAGES[1:-1]
"""Of these the seconds count: from features to labels."""
SMALL = ("digits", "digits, 10:1", "sheets, 20:1")
"""Sets that are made in seconds."""
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


@dataclass(frozen=True, kw_only=True)
class EffortsRecord(Record):
    """The figures of each seed, by set and by row."""

    made_by: ClassVar[str] = "efforts"

    sets: dict[str, dict[str, Any]]
    """Images, features and clusters of each."""
    results: dict[str, dict[str, list[Figures]]]


def run_row(name: str, source: Source, *, seed: int, folder: Path) -> Figures:
    """The figures of one run."""
    config, cache_dir = Config(seed=seed).with_values({**QUIET, **ROWS[name]}), folder / "cache"
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
    data = read_set(source, folder)
    images, features = data.features.shape
    return {"images": images, "features": features, "clusters": data.n_classes}
