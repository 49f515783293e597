from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.objectives import (
    VARIANTS,
    ObjectivesRecord,
    choose_rows,
    objectives_table,
    oracle_graph,
    run_variant,
)
from benchmarks.records import read_record
from benchmarks.sets import digits
from ucls.config import Config
from ucls.errors import UsageError
from ucls.settings.objectives import objective_names

QUICK = {"train.epochs": 6, "train.n_heads": 3}


@pytest.mark.parametrize("row", VARIANTS)
def test_the_settings_of_every_row_are_valid(row: str) -> None:
    config = Config().with_values(VARIANTS[row])
    assert row.startswith(config.train.objective or "ucls")
    assert ("merged" in row or "plain" in row) == (config.merge.linkage == "none")


@pytest.mark.slow
def test_right_neighbours_help_and_thinning_thins(tmp_path: Path) -> None:
    source = digits(tmp_path, 10.0)
    assert 500 < source.n_images < 700
    settings = {**VARIANTS["ucls, not merged"], **QUICK}
    plain, oracle = (
        run_variant(settings, source, seed=0, folder=tmp_path, oracle=oracle)
        for oracle in (False, True)
    )
    assert oracle["ACC"] > plain["ACC"]
    assert plain["s"] > 0


def test_a_row_holds_mean_and_deviation() -> None:
    first = {"ACC": 0.8, "class ACC": 0.7, "NMI": 0.6, "ARI": 0.5, "s": 3.0}
    (row,) = objectives_table({"ucls": [first, {**first, "ACC": 0.9, "s": 5.0}]}).rows
    assert row == [
        "ucls", "0.850 ± 0.050", "0.700 ± 0.000", "0.600 ± 0.000", "0.500 ± 0.000", "4.0"
    ]  # fmt: skip


def test_rows_are_chosen_by_name() -> None:
    assert choose_rows(None) == list(objective_names())
    assert choose_rows(["uic"]) == ["uic"]
    assert choose_rows(["all"]) == list(VARIANTS)
    with pytest.raises(UsageError, match="no row 'temy'; choose some of ucls; "):
        choose_rows(["temy"])


def test_the_oracle_links_all_of_a_class_and_no_others() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(3, dtype=np.int32), 7))
    graph = oracle_graph(labels)
    for row in range(len(labels)):
        neighbors, _ = graph.row(row)
        expected = np.setdiff1d(np.flatnonzero(labels == labels[row]), [row])
        np.testing.assert_array_equal(neighbors, expected)


@pytest.mark.slow
def test_the_command_shows_a_row_and_leaves_a_record(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    options = ["--seeds", "1", "--row", "uic", "--json", str(path)]
    done = CliRunner().invoke(app, ["objectives", *options])
    assert done.exit_code == 0, done.output
    assert "digits, classes 1:1, neighbours from the features" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("uic")
    assert read_record(path, ObjectivesRecord).results["uic"][0]["ACC"] > 0.7
