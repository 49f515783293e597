from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.efforts import (
    BY_DEFAULT,
    PEERS,
    ROWS,
    EffortsRecord,
    choose_rows,
    efforts_page,
    efforts_tables,
    made_up,
    run_row,
)
from benchmarks.options import RESULTS
from benchmarks.records import read_record
from ucls.config import Config
from ucls.errors import UsageError
from ucls.sources import Source, load_source


@pytest.fixture
def small(tmp_path: Path) -> Source:
    made = made_up(n_images=240, width=16, n_clusters=4)
    np.savez(tmp_path / "small.npz", **made)
    return load_source(str(tmp_path / "small.npz"))


@pytest.mark.parametrize("row", ROWS)
def test_the_settings_of_every_row_are_valid_and_change_something(row: str) -> None:
    assert Config().with_values(ROWS[row]) != Config()


def test_rows_are_chosen_by_name() -> None:
    assert choose_rows(None, peers=False) == list(BY_DEFAULT)
    assert choose_rows(["quick", "scan"], peers=True) == ["quick", "scan", *PEERS]
    with pytest.raises(UsageError, match="no row 'quik'; choose some of quick; "):
        choose_rows(["quik"], peers=False)


def test_made_up_classes_have_the_sizes_asked_for() -> None:
    made = made_up(n_images=900, width=8, n_clusters=6)
    sizes = np.bincount(made["labels"])
    assert made["features"].shape == (900, 8)
    assert sizes.sum() == 900
    assert sizes.max() / sizes.min() == pytest.approx(20, rel=0.2)


@pytest.mark.parametrize("peer", PEERS)
def test_peers_cluster_the_same_features(peer: str, small: Source, tmp_path: Path) -> None:
    found = run_row(peer, small, seed=0, folder=tmp_path)
    assert 0.3 < found["ACC"] <= 1.0
    assert found["s"] > 0


def test_a_table_holds_mean_and_deviation() -> None:
    first = {"ACC": 0.8, "class ACC": 0.7, "NMI": 0.6, "s": 3.0}
    (table,) = efforts_tables({"digits": {"k-means": [first, {**first, "ACC": 0.9, "s": 5.0}]}})
    (row,) = table.rows
    assert row[:2] == ["k-means", "0.850 ± 0.050"]
    assert row[-2:] == ["", "4.0"]


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
