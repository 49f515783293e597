from pathlib import Path

import pytest

from benchmarks.accuracy.records import (
    changed_settings,
    missing_images,
    read_record,
    read_records,
    without,
    write_record,
)
from tests.benchmarks.accuracy.samples import make_record
from ucls.cache import read_json, write_json
from ucls.errors import UsageError


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    record = make_record("stl10", seed=3, overrides={"train.scales": [2]})
    path = write_record(tmp_path, record)
    assert path == tmp_path / "stl10" / "ucls-seed3.json"
    assert changed_settings(read_record(path).settings, record.settings) == []
    assert read_record(path).figures == record.figures
    assert read_record(path).seconds == 61.0


def test_another_schema_is_refused(tmp_path: Path) -> None:
    path = write_record(tmp_path, make_record())
    write_json(path, {**read_json(path), "schema": 2})
    with pytest.raises(UsageError, match=r"expected a record of schema 1 in .*, got schema 2"):
        read_record(path)
    write_json(path, {"schema": 1, "something": "else"})
    with pytest.raises(UsageError, match="got something else"):
        read_records(tmp_path, "digits")
    write_json(path, [])
    with pytest.raises(UsageError, match="got something else"):
        read_record(path)


def test_records_come_by_objective_and_seed(tmp_path: Path) -> None:
    for objective, seed in (("temi", 0), ("ucls", 10), ("ucls", 2)):
        write_record(tmp_path, make_record(objective=objective, seed=seed))
    write_record(tmp_path, make_record("cifar10"))
    found = [(record.objective, record.seed) for record in read_records(tmp_path, "digits")]
    assert found == [("ucls", 2), ("ucls", 10), ("temi", 0)]
    assert read_records(tmp_path, "stl10") == []


def test_missing_images_are_counted() -> None:
    assert missing_images(make_record("cifar10")) == []
    record = make_record("cifar10", images={"train": 20})
    assert missing_images(record) == [
        "train had 20 of 50,000 images",
        "val had 0 of 10,000 images",
    ]


def test_settings_are_the_same_as_lists_and_as_tuples() -> None:
    assert changed_settings({"a": (1, 2), "b": 1}, {"a": [1, 2], "c": None}) == ["b", "c"]


def test_names_are_left_out_at_any_depth() -> None:
    assert without({"a": 1, "b": {"a": 2, "c": 3}}, ["a"]) == {"b": {"c": 3}}
