import pytest

from benchmarks.accuracy.comparison import Comparison, Line, compare, file_departures
from benchmarks.published import Score, load_published
from benchmarks.trials import Trial
from tests.benchmarks.accuracy.samples import QUICK, make_trial

STL10 = load_published().results["stl10"]


def line(comparison: Comparison, objective: str, part: str = "best_head") -> Line:
    found = (
        x
        for x in comparison.lines
        if (x.published.objective, x.published.part) == (objective, part)
    )
    return next(found)


def trials(*accuracies: float) -> list[Trial]:
    return [make_trial("stl10", acc=acc, seed=seed) for seed, acc in enumerate(accuracies)]


def test_ours_is_the_mean_and_the_sample_deviation() -> None:
    comparison = compare("stl10", trials(0.90, 0.92, 0.94), STL10)
    ours = line(comparison, "ucls").ours
    assert ours["acc"].mean == pytest.approx(93)
    assert ours["acc"].std == pytest.approx(2)
    assert ours["ari"].mean == pytest.approx(72)
    assert comparison.split == "val"
    alone = line(compare("stl10", trials(0.5), STL10), "ucls").ours["acc"]
    assert alone == Score(pytest.approx(51), None)  # type: ignore[arg-type]


def test_parts_are_those_of_the_metrics() -> None:
    comparison = compare("stl10", trials(0.90, 0.94, 0.92), STL10)
    found = {x.published.part: x.ours["acc"].mean for x in comparison.lines if x.ours}
    assert found == pytest.approx(
        {"kmeans": 92, "best_head": 93, "best_run": 95, "ensemble": 94, "self_training": 95}
    )
    assert line(comparison, "ucls").difference("acc") == pytest.approx(93 - 99.57)
    assert line(comparison, "turtle").difference("acc") is None
    best = line(comparison, "ucls", "best_run")
    assert [trial.seed for trial in best.trials] == [1]


def test_what_is_not_published_has_rows_of_its_own() -> None:
    comparison = compare("digits", [make_trial(), make_trial(objective="c2bin")], ())
    found = [(x.published.objective, x.published.part) for x in comparison.lines]
    ours = [("ucls", part) for part in ("best_head", "best_run", "ensemble", "self_training")]
    assert found == [("", "kmeans"), *ours, ("c2bin", "best_head")]


def test_departures_are_what_differs_from_the_file() -> None:
    assert file_departures(make_trial("stl10")) == []
    assert file_departures(make_trial("stl10", objective="turtle")) == []
    changed = make_trial("stl10", overrides={"train.epochs": 1, "train.beta": 0.6})
    assert file_departures(changed) == ["train.epochs = 1 instead of 800"]


def test_runs_with_other_settings_are_used_only_where_there_are_no_others() -> None:
    quick = make_trial("stl10", acc=0.1, seed=7, overrides=QUICK)
    mixed = compare("stl10", [*trials(0.9), quick], STL10)
    assert line(mixed, "ucls").ours["acc"].mean == pytest.approx(91)
    assert mixed.left_out == (quick,)
    alone = compare("stl10", [quick], STL10)
    assert (alone.used, alone.left_out) == ({"ucls": (quick,)}, ())


def test_what_was_not_measured_has_no_score() -> None:
    trial = make_trial("stl10")
    del trial.figures["val"]["self_training"]
    comparison = compare("stl10", [trial], STL10)
    assert line(comparison, "ucls", "self_training").ours == {}
    assert not any(x.ours for x in compare("stl10", [], STL10).lines)
