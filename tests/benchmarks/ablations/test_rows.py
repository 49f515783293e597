from dataclasses import replace

import pytest

from benchmarks.ablations.rows import Figure, Results
from benchmarks.jobs import Outcome


def published(results: Results) -> dict[tuple[str, str, str], float]:
    return {
        (row.key, *of): figure.published
        for row in results.rows()
        for of, figure in row.figures.items()
        if figure.published is not None
    }


def test_figures_are_over_seeds_in_percent_and_those_of_heads_over_heads(make_results) -> None:
    figures = make_results("thresholds", accs=(0.8, 0.9)).rows()[0].figures
    assert figures["best_head", "acc"][:2] == pytest.approx((85.0, 5.0))
    assert figures["heads", "acc"][:2] == pytest.approx((75.0, 2.0))
    assert figures["train", "seconds"] == Figure(61.0, 0.0)
    assert figures["neighbors", "accuracy"].mean == pytest.approx(75.0)
    assert figures["neighbors", "mean_count"].mean == pytest.approx(9.5)
    alone = make_results(accs=(0.8,)).rows()[0].figures
    assert alone["best_head", "acc"].spread is None


def test_what_no_run_has_is_missing(make_results) -> None:
    results = make_results(accs=(0.8,))
    outcomes = list(results.outcomes)
    outcomes[1] = Outcome("features", "failed", "no memory")
    del outcomes[0].trial.figures["val"]["ensemble.chosen"]
    rows = replace(results, outcomes=outcomes).rows()
    assert "features" not in [row.key for row in rows]
    assert "+ Adaptive NN (typical, 0.25)" in [row.label for row in rows]
    assert ("ensemble", "acc") not in rows[0].figures


def test_without_labels_of_val_those_of_train_count(make_results) -> None:
    results = make_results()
    assert results.split == "val"
    for val in (None, {"best_head": {"head": 0}}):
        trial = replace(results.trials[0], figures={"train": {}, "val": val})
        assert replace(results, outcomes=[Outcome("one", "ran", trial=trial)]).split == "train"


def test_published_figures_stand_by_their_own_rows(make_results) -> None:
    """Thesis tables 6.9, 6.11, 6.16 and 6.19."""
    components = published(make_results(source="imagenet100"))
    assert components["baseline", "best_head", "acc"] == 79.44
    assert components["cross-entropy", "self_training", "nmi"] == 95.20
    sweep = published(make_results("thresholds", source="imagenet100"))
    assert sweep["0.3", "heads", "acc"] == 91.83
    assert sweep["0.3", "neighbors", "mean_count"] == 940.7
    assert sweep["0.3", "neighbors", "accuracy_above"] == 90.85
    assert ("1.0", "neighbors", "accuracy_above") not in sweep
    losses = published(make_results("losses", source="imagenet100"))
    assert losses["scan-baseline", "best_head", "acc"] == 84.64
    assert losses["temi-baseline", "best_head", "acc"] == 79.44
    assert published(make_results()) == {}
