from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.efforts import (
    BY_DEFAULT,
    ROWS,
    SMALL,
    EffortsRecord,
    efforts_page,
    efforts_tables,
)
from benchmarks.options import RESULTS
from benchmarks.records import read_record
from benchmarks.sets import SETS, sheets
from ucls.config import Config
from ucls.sources import Source, load_source


@pytest.fixture
def small(tmp_path: Path) -> Source:
    made = sheets(n_images=240, width=16, n_clusters=4)
    np.savez(tmp_path / "small.npz", **made)
    return load_source(str(tmp_path / "small.npz"))


@pytest.mark.parametrize("row", ROWS)
def test_the_settings_of_every_row_are_valid_and_change_something(row: str) -> None:
    assert Config().with_values(ROWS[row]) != Config()


def test_rows_by_default_are_known() -> None:
    assert {*BY_DEFAULT} < {*ROWS}


def test_the_small_sets_are_known() -> None:
    assert {*SMALL} <= {*SETS}


def test_a_table_holds_mean_and_deviation() -> None:
    first = {"ACC": 0.8, "class ACC": 0.7, "NMI": 0.6, "s": 3.0}
    (table,) = efforts_tables({"digits": {"k-means": [first, {**first, "ACC": 0.9, "s": 5.0}]}})
    (row,) = table.rows
    assert row[:2] == ["k-means", "0.850 ± 0.050"]
    assert row[-2:] == ["", "4.0"]


@pytest.mark.slow
def test_the_command_leaves_a_record_and_a_page(small: Source, tmp_path: Path) -> None:
    out = tmp_path / "efforts.json"
    source = f"small={tmp_path / 'small.npz'}"
    arguments = [
        "efforts",
        "--source",
        source,
        "--seeds",
        "1",
        "--row",
        "quick",
        "--json",
        str(out),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    record = read_record(out, EffortsRecord)
    assert record.sets == {"small": {"images": 240, "features": 16, "clusters": 4}}
    (found,) = record.results["small"]["quick"]
    assert found["heads"] == 6
    assert 0 < found["training s"] <= found["s"]
    assert "240 images, 16 features, 4 clusters" in out.with_suffix(".md").read_text()


@pytest.mark.parametrize("name", ["efforts", "peers"])
def test_the_pages_that_are_kept_are_those_of_their_records(name: str) -> None:
    record = read_record(RESULTS / f"{name}.json", EffortsRecord)
    assert efforts_page(record) == (RESULTS / f"{name}.md").read_text(encoding="utf-8")
