from dataclasses import replace

import pytest

from benchmarks.ablations.plan import Results
from benchmarks.ablations.rows import Figure, rows_of
from benchmarks.ablations.study import load_studies
from benchmarks.jobs import Outcome


def published(results: Results) -> dict[tuple[str, str, str], float]:
    return {
        (row.key, *of): figure.published
        for row in rows_of(results)
        for of, figure in row.figures.items()
        if figure.published is not None
    }


def test_scores_are_over_seeds_and_those_of_heads_over_heads(make_results) -> None:
    row = rows_of(make_results("thresholds", accs=(0.8, 0.9)))[0]
    best, heads = row.figures["best_head", "acc"], row.figures["heads", "acc"]
    assert (best.mean, best.spread, best.n_runs) == pytest.approx((85.0, 5.0, 2))
    assert (heads.mean, heads.spread, heads.n_runs) == pytest.approx((75.0, 2.0, 2))
    assert row.get("train", "seconds") == Figure(2.0, 0.0, 2)


def test_a_single_run_has_no_deviation(make_results) -> None:
    assert rows_of(make_results(accs=(0.8,)))[0].figures["best_head", "acc"].spread is None


def test_shares_are_in_percent_and_counts_are_not(make_results) -> None:
    row = rows_of(make_results("thresholds"))[0]
    assert row.figures["neighbors", "accuracy"].mean == pytest.approx(75.0)
    assert row.figures["neighbors", "mean_count"][:2] == (pytest.approx(9.5), None)


def test_what_no_run_has_is_missing(make_results) -> None:
    results = make_results(accs=(0.8,))
    outcomes = list(results.outcomes)
    outcomes[1] = Outcome("features", "failed", reason="no memory")
    del outcomes[0].trial.figures["val"]["ensemble.chosen"]
    rows = rows_of(replace(results, outcomes=outcomes))
    assert "features" not in [row.key for row in rows]
    assert rows[0].get("ensemble", "acc") is None


def test_the_label_tells_the_threshold_that_was_used(make_results) -> None:
    results = make_results()
    assert "+ Adaptive NN (typical, 0.250)" in [row.label for row in rows_of(results)]
    for trial in results.trials:
        trial.resolved["neighbors.threshold"] = 0.25
    assert "+ Adaptive NN (0.25)" in [row.label for row in rows_of(results)]


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


@pytest.mark.parametrize(("source", "acc"), [("cifar20", 68.38), ("imagenet", 70.34)])
def test_smoothing_was_published_for_several_datasets(
    make_results, source: str, acc: float
) -> None:
    assert published(make_results("smoothing", source=source))["1", "best_head", "acc"] == acc


@pytest.mark.parametrize("name", load_studies())
@pytest.mark.parametrize(("source", "kind"), [("digits", "dataset"), ("imagenet100", "folder")])
def test_other_images_have_no_published_figures(
    make_results, name: str, source: str, kind: str
) -> None:
    assert not published(make_results(name, source=source, kind=kind))
