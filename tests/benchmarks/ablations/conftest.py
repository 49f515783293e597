"""Results of studies, made up without running any."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.ablations.plan import Plan
from benchmarks.ablations.rows import Results
from benchmarks.ablations.study import find_study
from benchmarks.jobs import Outcome
from benchmarks.trials import Trial
from tests.benchmarks.accuracy.samples import make_trial
from ucls.sources import load_source

MakeResults = Callable[..., Results]
NEIGHBORS = {
    "threshold": 0.25, "capped": 0.5, "mean_count": 9.5, "accuracy": 0.75, "accuracy_above": 0.8
}  # fmt: skip


def made_up_trial(row: str, seed: int, acc: float) -> Trial:
    """One run whose ACC, NMI and ARI are all alike."""
    scores = dict.fromkeys(("nmi", "acc", "ari"), acc)
    heads = {
        f"{name}_{how}": by for name in scores for how, by in (("mean", acc - 0.1), ("std", 0.02))
    }
    parts = dict.fromkeys(("best_head", "ensemble.chosen", "self_training"), scores)
    return replace(
        make_trial(seed=seed),
        resolved={"neighbors.threshold": "typical"},
        figures={"backbones": ["pixels"], "train": {}, "val": {**parts, "heads": heads}},
        row=row,
        neighbors=NEIGHBORS,
    )


@pytest.fixture
def make_results() -> MakeResults:
    """Makes the results of a study; ``accs`` are the ACC of each seed, a point more by row."""

    def make(
        name: str = "components", *, accs: tuple[float, ...] = (0.8, 0.9), source: str = "digits"
    ) -> Results:
        study, opened = find_study(name), replace(load_source("digits"), name=source)
        outcomes = [
            Outcome(variant.key, "ran", trial=made_up_trial(variant.key, seed, acc + place / 100))
            for seed, acc in enumerate(accs)
            for place, variant in enumerate(study.variants)
        ]
        plan = Plan(study, opened, range(len(accs) or 1), {"train.epochs": 70})
        return Results(plan, outcomes)

    return make
