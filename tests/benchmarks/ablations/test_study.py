import pytest

from benchmarks.ablations.studies import COMPONENTS, HEADS, SWEEP
from ucls.errors import UsageError


def test_a_study_knows_what_its_rows_vary() -> None:
    assert SWEEP.varied == {"neighbors.threshold"}
    assert HEADS.varied == {"train.n_heads"}
    assert "train.prior" in COMPONENTS.varied


def test_a_sweep_takes_other_values_and_keeps_the_rest() -> None:
    study = SWEEP.with_values([0.95, 0.5])
    assert [variant.key for variant in study.variants] == ["0.95", "0.5"]
    assert [variant.settings for variant in study.variants] == [
        {"neighbors.threshold": 0.95},
        {"neighbors.threshold": 0.5},
    ]
    assert study.settings == SWEEP.settings


def test_rows_that_are_no_values_take_none() -> None:
    with pytest.raises(UsageError, match="--values is for thresholds and heads"):
        COMPONENTS.with_values([1])
