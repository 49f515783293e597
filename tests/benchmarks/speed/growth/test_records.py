import json

import pytest

from benchmarks.speed.growth.records import read_growth, write_growth
from tests.benchmarks.speed.growth.samples import growth_record
from ucls.errors import UsageError


def test_what_is_written_is_read(tmp_path):
    record = growth_record()
    path = tmp_path / "new" / "growth.json"
    write_growth(path, record)
    assert read_growth(path) == record
    tree = json.loads(path.read_text())
    assert tree["machine"]["cores"] >= 1
    assert tree["stages"][0]["points"][0]["size"].keys() == {
        "n_images", "n_clusters", "n_heads", "n_features",
    }  # fmt: skip


def test_a_stage_that_was_not_measured_is_told_with_what_to_do():
    with pytest.raises(UsageError, match="merge was not measured, only that of train, ensemble; m"):
        growth_record("train", "ensemble").of("merge")


def test_a_missing_record_is_told_with_how_to_make_one(tmp_path):
    with pytest.raises(UsageError, match=r"no record of growth .*; make one with: python -m bench"):
        read_growth(tmp_path / "growth.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not valid JSON"),
        ("[]", "is no record of growth of schema 1"),
        (json.dumps({"schema": 2, "stages": []}), "is no record of growth of schema 1"),
        (json.dumps({"schema": 1, "measurements": []}), "is no record of growth"),
    ],
)
def test_other_files_are_refused(text, told, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=told):
        read_growth(path)
