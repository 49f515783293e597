import itertools

import pytest

from benchmarks.ablations.study import load_studies
from benchmarks.published import load_published
from ucls.errors import UsageError
from ucls.settings.objectives import RECORDS

STUDIES = load_studies()
COMPONENTS, SWEEP, HEADS, _, LOSSES = STUDIES.values()


def test_each_component_changes_what_its_name_says() -> None:
    """Table 6.9: each row has one thing more than the row above."""
    settings = [dict(variant.settings) for variant in COMPONENTS.variants]
    changes = [
        {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        for before, after in itertools.pairwise(settings)
    ]
    assert changes == [
        {"features"}, {"train.batch_norm"}, {"neighbors.threshold"}, {"train.prior"},
        {"train.objective"},
    ]  # fmt: skip
    assert [LOSSES.variants[0].settings, LOSSES.variants[1].settings] == [settings[0], settings[-1]]


def test_the_last_row_changes_only_the_loss() -> None:
    """Thesis 5.2.7: one way instead of two, and the cross-entropy; what is shared is set."""
    temi, ucls = RECORDS["temi"].options, RECORDS["ucls"].options
    differing = {name for name in ucls if temi[name] != ucls[name]}
    assert differing == {"symmetric", "cross_entropy", "prior", "n_smoothing"}
    shared = {"train.prior", "train.n_smoothing"}
    assert shared <= {*COMPONENTS.variants[-1].settings, *COMPONENTS.shared}


@pytest.mark.parametrize("name", STUDIES)
def test_every_row_is_in_the_published_table(name: str) -> None:
    study = STUDIES[name]
    table = load_published().ablations[study.published]
    names = [(variant.name or variant.key, variant.objective) for variant in study.variants]
    assert list(dict.fromkeys((row.name, row.objective) for row in table.rows)) == names
    assert {row.part for row in table.rows} <= set(study.parts)


def test_a_sweep_takes_other_values_and_keeps_the_rest() -> None:
    study = SWEEP.with_values("0.95, 1.0,1.0")
    assert [variant.key for variant in study.variants] == ["0.95", "1.0"]
    assert [variant.settings["neighbors.threshold"] for variant in study.variants] == [0.95, 1.0]
    assert study.shared == SWEEP.shared
    assert [variant.key for variant in HEADS.with_values("2,2.5").variants] == ["2", "2.5"]
    with pytest.raises(UsageError, match="expected --values such as 10,20, got '1,x'"):
        HEADS.with_values("1,x")
    with pytest.raises(UsageError, match="--values is for thresholds and heads"):
        COMPONENTS.with_values("1")
