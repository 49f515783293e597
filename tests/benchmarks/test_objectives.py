from pathlib import Path

import pytest

from benchmarks.objectives import (
    VARIANTS,
    choose_rows,
    digits_source,
    objectives_table,
    run_variant,
)
from ucls.config import Config
from ucls.errors import UsageError
from ucls.objectives.settings import OBJECTIVES

QUICK = {"train.epochs": 6, "train.n_heads": 3}


@pytest.mark.parametrize("row", VARIANTS)
def test_the_settings_of_every_row_are_valid(row: str) -> None:
    config = Config().with_values(VARIANTS[row])
    assert row.startswith(config.train.objective or "ucls")
    assert ("merged" in row or "plain" in row) == (config.merge.linkage == "none")


def test_right_neighbours_help_and_thinning_thins(tmp_path: Path) -> None:
    source = digits_source(tmp_path, 10.0)
    assert 500 < source.n_images < 700
    settings = {**VARIANTS["ucls, not merged"], **QUICK}
    plain, oracle = (
        run_variant(settings, source, seed=0, folder=tmp_path, oracle=oracle)
        for oracle in (False, True)
    )
    assert oracle["ACC"] > plain["ACC"]
    assert plain["s"] > 0


def test_a_row_holds_mean_and_deviation() -> None:
    results = [
        {"ACC": 0.8, "class ACC": 0.7, "NMI": 0.6, "ARI": 0.5, "s": 3.0},
        {"ACC": 0.9, "class ACC": 0.7, "NMI": 0.6, "ARI": 0.5, "s": 5.0},
    ]
    (row,) = objectives_table({"ucls": results}).rows
    assert row == [
        "ucls", "0.850 ± 0.050", "0.700 ± 0.000", "0.600 ± 0.000", "0.500 ± 0.000", "4.0"
    ]  # fmt: skip


def test_rows_are_chosen_by_name() -> None:
    assert choose_rows(None) == list(OBJECTIVES)
    assert choose_rows(["uic"]) == ["uic"]
    assert choose_rows(["all"]) == list(VARIANTS)
    with pytest.raises(UsageError, match="no row 'temy'; choose some of ucls; "):
        choose_rows(["temy"])
