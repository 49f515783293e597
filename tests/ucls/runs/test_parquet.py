import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ucls.errors import UsageError
from ucls.runs import parquet
from ucls.runs.image_labels import read_labels
from ucls.runs.label_table import LabelTable
from ucls.runs.run import Run


@pytest.fixture
def table(run_path: Path) -> LabelTable:
    return LabelTable(Run(run_path), read_labels(Run(run_path)))


def write(path: Path, table: LabelTable) -> None:
    parquet.write(path, table, iter(range(len(table))))


@pytest.mark.parametrize("rows_at_once", [7, 65_536])
@pytest.mark.parametrize("with_shares", [False, True])
def test_every_column_comes_back(
    rows_at_once: int,
    with_shares: bool,
    table: LabelTable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", rows_at_once)
    full = replace(table, with_shares=with_shares)
    write(tmp_path / "labels.parquet", full)
    found = pq.read_table(tmp_path / "labels.parquet").to_pydict()
    assert tuple(found) == full.columns
    labels = table.labels
    assert (found["path"], found["split"]) == (labels.paths, labels.splits)
    assert found["name"] == [str(cluster) for cluster in found["cluster"]]
    for name in ("confidence", "probability"):
        np.testing.assert_array_equal(np.array(found[name], "f4"), getattr(labels, name))
    np.testing.assert_array_equal(found["found"], labels.found)
    if with_shares:
        by_row = np.stack([found[f"share_{k}"] for k in range(4)], axis=1)
        assert by_row.dtype == np.float64
        np.testing.assert_allclose(by_row, np.concatenate(list(full.shares())), atol=1e-7)


def test_bytes_that_are_not_utf8_have_escapes(table: LabelTable, tmp_path: Path) -> None:
    paths = ["é\udcff.png", *table.labels.paths[1:]]
    write(tmp_path / "x.parquet", replace(table, labels=replace(table.labels, paths=paths)))
    assert pq.read_table(tmp_path / "x.parquet")["path"][0].as_py() == "é\\udcff.png"


def test_only_what_was_written_here_is_known(table: LabelTable, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write(path, table)
    assert parquet.is_own(path, table)
    pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)
    assert not parquet.is_own(path, table)
    path.write_bytes(b"mine")
    assert not parquet.is_own(path, table)


def test_without_the_extra_it_names_the_command(
    table: LabelTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'ucls\[export\]', or export to \.csv"):
        write(tmp_path / "x.parquet", table)
    assert not (tmp_path / "x.parquet").exists()
