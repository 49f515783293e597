"""Tiny benchmark runs, and records without a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.accuracy.benchmark import load_benchmark
from benchmarks.accuracy.plan import Plan
from benchmarks.accuracy.records import Record
from ucls.datasets import DATASETS

QUICK: dict[str, Any] = {
    "train.epochs": 1,
    "train.warmup_epochs": 0,
    "train.n_heads": 3,
    "self_train.iterations": 10,
    "evaluate.kmeans_restarts": 1,
    "evaluate.upper_bounds": False,
}
PIXELS: dict[str, Any] = {
    **QUICK,
    "extract.backbone": "pixels",
    "extract.image_size": 4,
    "extract.workers": 0,
    "features": "cls",
    "neighbors.k": 5,
    "train.batch_size": 16,
}
"""For datasets that otherwise take DINOv2."""


def make_plan(folder: Path, *names: str, seeds: int = 1, **options: Any) -> Plan:
    """A quick plan whose files all go below a folder."""
    return Plan(
        benchmarks=tuple(map(load_benchmark, names)),
        seeds=range(seeds),
        runs_dir=folder / "runs",
        results_dir=folder / "results",
        **{"overrides": QUICK, "cache_dir": folder / "cache", "device": "cpu", **options},
    )


def make_record(
    dataset: str = "digits",
    *,
    acc: float = 0.9,
    seed: int = 0,
    objective: str = "ucls",
    overrides: Mapping[str, Any] | None = None,
    images: Mapping[str, int] | None = None,
) -> Record:
    """A record whose parts have ACC a little above each other; NMI and ARI lie below."""
    info, overrides = DATASETS[dataset], dict(overrides or {})
    parts = ("kmeans", "best_head", "ensemble.chosen", "self_training")
    rows = {
        name: {"acc": acc + step / 100, "nmi": acc - 0.1, "ari": acc - 0.2}
        for step, name in enumerate(parts)
    }
    return Record(
        dataset=dataset,
        objective=objective,
        seed=seed,
        settings=load_benchmark(dataset).settings_for(objective, overrides),
        overrides=overrides,
        images=dict(images or {"train": info.n_train, "val": info.n_val}),
        made="2026-01-01T00:00:00+00:00",
        machine={"processor": "Abacus", "cores": 2, "gpu": None},
        device="cpu",
        versions={"torch": "2.0", "ucls": "0.1"},
        resolved={"features": "cls"},
        stages={"train": {"seconds": 61.0, "peak_memory_mb": 1.0}},
        figures={"backbones": ["pixels"], "train": rows, "val": rows},
    )
