import csv
from pathlib import Path

import pytest

from ucls.errors import UclsError, UsageError
from ucls.runs.label_formats import FORMATS
from ucls.stages.export import Exported, export


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_and_replaced_by_itself_alone(
    name: str, shared_photo_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / f"labels{FORMATS[name].suffix}"
    assert export(shared_photo_run, out=out, format=name) == Exported(name, 60)
    before = out.read_bytes()
    export(shared_photo_run, out=out, format=name)
    assert out.read_bytes() == before
    out.write_bytes(b"mine")
    with pytest.raises(UsageError, match="was not written by this command"):
        export(shared_photo_run, out=out, format=name)
    assert out.read_bytes() == b"mine"
    export(shared_photo_run, out=out, format=name, overwrite=True)
    assert out.read_bytes() == before


def test_the_table_is_that_of_the_run(run_path: Path, tmp_path: Path) -> None:
    export(run_path, out=tmp_path / "labels.csv")
    tables = []
    for path in (tmp_path / "labels.csv", run_path / "labels.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            tables.append(list(csv.DictReader(file)))
    exported, own = tables
    assert len(exported) == 160
    for row, expected in zip(exported, own, strict=True):
        assert {name: row[name] for name in expected} == expected
        assert row["name"] == row["found"] == row["cluster"]


def test_shares_may_come_and_go(run_path: Path, tmp_path: Path) -> None:
    for probabilities in (True, False, True):
        export(run_path, out=tmp_path / "labels.csv", probabilities=probabilities)
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            shares = [float(row[f"share_{cluster}"]) for cluster in range(4)]
            assert sum(shares) == pytest.approx(1, abs=3e-4)
            assert f"{shares[int(row['found'])]:.4f}" == row["probability"]


@pytest.mark.parametrize("name", ["coco", "fiftyone"])
def test_not_every_format_has_a_place_for_shares(name: str, run_path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no place for the shares .* choose csv, parquet, json"):
        export(run_path, out=tmp_path / "x.json", format=name, probabilities=True)


def test_what_the_run_is_made_of_is_not_overwritten(run_path: Path) -> None:
    before = (run_path / "labels.csv").read_bytes()
    with pytest.raises(UsageError, match="belongs to the run itself"):
        export(run_path, out=run_path / "labels.csv", overwrite=True)
    assert (run_path / "labels.csv").read_bytes() == before


def test_a_run_without_labels_names_the_command(run_path: Path, tmp_path: Path) -> None:
    (run_path / "labels.csv").unlink()
    with pytest.raises(UclsError, match="run first: ucls self-train"):
        export(run_path, out=tmp_path / "x.csv")
