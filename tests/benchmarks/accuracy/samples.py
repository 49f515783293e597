"""Settings of tiny runs, and records without a run."""

from collections.abc import Mapping
from typing import Any

from benchmarks.accuracy.datasets import load_benchmark
from benchmarks.trials import Trial

QUICK: dict[str, Any] = {
    "train.epochs": 1,
    "train.warmup_epochs": 0,
    "train.n_heads": 3,
    "self_train.iterations": 10,
    "evaluate.kmeans_restarts": 1,
    "evaluate.upper_bounds": False,
}


def make_trial(
    dataset: str = "digits",
    *,
    acc: float = 0.9,
    seed: int = 0,
    objective: str = "ucls",
    overrides: Mapping[str, Any] | None = None,
    images: Mapping[str, int] | None = None,
) -> Trial:
    """A record whose parts have ACC a little above each other; NMI and ARI lie below."""
    benchmark, overrides = load_benchmark(dataset), dict(overrides or {})
    parts = ("kmeans", "best_head", "ensemble.chosen", "self_training")
    rows = {
        name: {"acc": acc + step / 100, "nmi": acc - 0.1, "ari": acc - 0.2}
        for step, name in enumerate(parts)
    }
    return Trial(
        dataset=dataset,
        objective=objective,
        seed=seed,
        settings=benchmark.settings_for(objective, overrides),
        overrides=overrides,
        images=dict(images or benchmark.images),
        measured="2026-01-01T00:00:00+00:00",
        machine={"processor": "Abacus", "cores": 2, "gpu": None},
        device="cpu",
        versions={"torch": "2.0", "ucls": "0.1"},
        resolved={"features": "cls"},
        stages={"train": {"seconds": 61.0, "peak_memory_mb": 1.0}},
        figures={"backbones": ["pixels"], "train": rows, "val": rows},
    )
