import json

import pytest

from benchmarks.speed.measurement import Measurement
from benchmarks.speed.records import new_record, read_record, write_record
from ucls.errors import UsageError

MEASUREMENTS = [
    Measurement("step", "bare", [1.0, 2.0], [1.0, 1.0], {"peak_mb": 12.5}),
    Measurement("step", "peer", [1.0], [4.0]),
]


def test_what_is_written_is_read(tmp_path):
    record = new_record("python -m benchmarks speed", MEASUREMENTS)
    path = tmp_path / "new" / "speed.json"
    write_record(path, record)
    assert read_record(path) == record
    assert record.measurements == MEASUREMENTS
    assert record.machine["cores"] >= 1
    assert "torch" in record.machine["versions"]


def test_a_missing_record_is_told_with_how_to_make_one(tmp_path):
    with pytest.raises(UsageError, match=r"no record .*none.json; .* speed --out"):
        read_record(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot read .* as JSON"),
        ("[]", "is no record"),
        (json.dumps({"schema": 1}), "is no record"),
        (json.dumps({"schema": 2, "measurements": []}), "another schema than 1; measure again"),
    ],
)
def test_other_files_are_refused(text, told, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=told):
        read_record(path)
