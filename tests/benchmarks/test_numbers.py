from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import numbers
from benchmarks.__main__ import app
from benchmarks.numbers import METHODS, NumbersRecord, cloud, numbers_table, prepared
from benchmarks.records import read_record
from benchmarks.sets import blobs


@pytest.mark.parametrize("method", METHODS)
def test_separate_blobs_are_counted_by_every_method(method: str) -> None:
    features = prepared(blobs(300, noise=0.05)["features"])
    assert METHODS[method](features, 0) == 5


@pytest.mark.parametrize("method", ["ucls", "gap statistic"])
def test_one_cloud_is_told_by_those_that_can(method: str) -> None:
    assert METHODS[method](prepared(cloud(400, 24)["features"]), 0) == 1


@pytest.mark.parametrize("rows", [[], ["ucls", numbers.DIPMEANS]])
def test_without_clustpy_it_is_told_how_to_install_it(
    rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "HAS_CLUSTPY", False)
    told = "DipMeans (ClustPy) needs another package: pip install clustpy"
    refused = ["numbers", "--set", "no set of this name"]
    chosen = [argument for row in rows for argument in ("--row", row)]
    assert told in CliRunner().invoke(app, [*refused, *chosen]).output
    assert told not in CliRunner().invoke(app, [*refused, "--row", "ucls"]).output


@pytest.mark.slow
def test_the_table_shows_the_range_over_seeds(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    arguments = [
        "numbers",
        "--seeds",
        "2",
        "--set",
        "two blobs",
        "--row",
        "ucls",
        "--row",
        "HDBSCAN",
    ]
    result = CliRunner().invoke(app, [*arguments, "--json", str(path)])
    assert result.exit_code == 0, result.output
    record = read_record(path, NumbersRecord)
    assert record.n_classes == {"two blobs": 2}
    assert [run["k"] for run in record.results["two blobs"]["ucls"]] == [2, 2]
    runs = [{"k": 9, "s": 1.0}, {"k": 11, "s": 2.0}]
    varied = record.results | {"other": {"ucls": runs}}
    shown = NumbersRecord(
        **{**vars(record), "results": varied, "n_classes": {"two blobs": 2, "other": 10}}
    )
    rows = numbers_table(shown).rows
    assert list(rows[1]) == ["other", "10", "9 to 11 (1.5 s)", ""]
    assert rows[0][0] == "two blobs"
    assert np.char.startswith(rows[0][2], "2 (")
