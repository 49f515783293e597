import pytest

from benchmarks.ablations.record import Entry
from benchmarks.ablations.rows import published_figures, rows_of
from benchmarks.ablations.studies import COMPONENTS, LOSSES, SMOOTHING, STUDIES, SWEEP


def test_scores_are_over_seeds_and_those_of_heads_over_heads(make_record) -> None:
    row = rows_of(SWEEP, make_record("thresholds", accs=(0.8, 0.9)))[0]
    best, heads = row.figures["best_head", "acc"], row.figures["heads", "acc"]
    assert (best.mean, best.spread, best.n) == pytest.approx((85.0, 5.0, 2))
    assert (heads.mean, heads.spread, heads.n) == pytest.approx((75.0, 2.0, 2))


def test_a_single_run_has_no_deviation(make_record) -> None:
    row = rows_of(COMPONENTS, make_record(accs=(0.8,)))[0]
    assert row.figures["best_head", "acc"].spread is None


def test_shares_are_in_percent_and_counts_are_not(make_record) -> None:
    row = rows_of(SWEEP, make_record("thresholds"))[0]
    assert row.figures["neighbors", "accuracy"].mean == pytest.approx(75.0)
    assert row.figures["neighbors", "mean_count"].mean == pytest.approx(9.5)
    assert row.figures["neighbors", "mean_count"].spread is None


def test_a_row_without_finished_runs_is_left_out(make_record) -> None:
    record = make_record(accs=(0.8,))
    failed = record.entries[1].variant
    record.entries[1] = Entry(failed, 0, "key", "folder", "a machine", error="no memory")
    assert failed not in [row.key for row in rows_of(COMPONENTS, record)]


def test_a_part_that_no_run_has_is_missing(make_record) -> None:
    record = make_record(accs=(0.8,))
    for entry in record.entries:
        entry.figures["ensemble"] = None
    assert rows_of(COMPONENTS, record)[0].get("ensemble", "acc") is None


def test_the_label_tells_the_threshold_that_was_used(make_record) -> None:
    record = make_record()
    assert "+ Adaptive NN (typical, 0.250)" in [row.label for row in rows_of(COMPONENTS, record)]
    record.settings["adaptive-neighbors"]["neighbors.threshold"] = 0.25
    assert "+ Adaptive NN (0.25)" in [row.label for row in rows_of(COMPONENTS, record)]


def test_published_figures_stand_by_their_own_rows(make_record) -> None:
    """Thesis tables 6.9, 6.11, 6.16 and 6.19."""
    components = published_figures(COMPONENTS, make_record(source="imagenet100"))
    assert components["baseline", "best_head", "acc"] == 79.44
    assert components["cross-entropy", "self_training", "nmi"] == 95.20
    sweep = published_figures(SWEEP, make_record("thresholds", source="imagenet100"))
    assert sweep["0.3", "heads", "acc"] == 91.83
    assert sweep["0.3", "neighbors", "mean_count"] == 940.7
    assert sweep["0.3", "neighbors", "accuracy_above"] == 90.85
    assert ("1.0", "neighbors", "accuracy_above") not in sweep
    losses = published_figures(LOSSES, make_record("losses", source="imagenet100"))
    assert losses["scan-baseline", "best_head", "acc"] == 84.64
    assert losses["temi-baseline", "best_head", "acc"] == 79.44


@pytest.mark.parametrize(("source", "acc"), [("cifar20", 68.38), ("imagenet", 70.34)])
def test_smoothing_was_published_for_several_datasets(make_record, source: str, acc: float) -> None:
    figures = published_figures(SMOOTHING, make_record("smoothing", source=source))
    assert figures["1", "best_head", "acc"] == acc


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize(
    "source",
    [
        {"source": "digits"},
        {"source": "imagenet100", "kind": "folder"},
        {"source": "imagenet100", "simulated": {"n_images": 9}},
    ],
)
def test_other_images_have_no_published_figures(make_record, name: str, source: dict) -> None:
    assert not published_figures(STUDIES[name], make_record(name, **source))
