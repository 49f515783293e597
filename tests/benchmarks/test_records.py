from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from benchmarks.records import Record, check_record, made_here, read_record, write_record
from ucls.cache import read_json, write_json
from ucls.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Scale(Record):
    made_by: ClassVar[str] = "weigh"
    kilograms: tuple[float, ...]


def test_a_record_comes_back_and_tells_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "weigh", "--out", "a file"])
    path, record = tmp_path / "new" / "scale.json", Scale(**made_here(), kilograms=(1.5, 2.0))
    write_record(path, record)
    assert read_record(path, Scale) == record
    assert read_json(path)["schema"] == 1
    assert record.command == "python -m benchmarks weigh --out 'a file'"
    assert record.machine["cores"] >= 1
    assert record.measured.endswith("+00:00")


@pytest.mark.parametrize(
    ("change", "found"),
    [({"schema": 2}, "schema 2"), ({"kilograms": 3}, "something else"), ({"b": 1}, "something")],
)
def test_another_record_is_refused(tmp_path: Path, change: dict[str, object], found: str) -> None:
    path = tmp_path / "scale.json"
    write_record(path, Scale(**made_here(), kilograms=(1.5,)))
    write_json(path, {**read_json(path), **change})
    with pytest.raises(UsageError, match=rf"`python -m benchmarks weigh` .*, got {found}.*: give"):
        read_record(path, Scale)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 1}', "my notes"])
def test_only_a_record_is_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scale.json"
    for new in (None, path):
        check_record(new)
    write_record(path, Scale(**made_here(), kilograms=(1.5,)))
    check_record(path)
    path.write_text(text)
    with pytest.raises(UsageError, match=r"scale\.json exists and was not written by this command"):
        check_record(path)


@pytest.mark.parametrize(
    ("text", "found"), [("[]", "something else"), ("{", "no JSON"), (None, "no such file")]
)
def test_another_file_is_refused(tmp_path: Path, text: str | None, found: str) -> None:
    path = tmp_path / "scale.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=rf"scale\.json, got {found}"):
        read_record(path, Scale)
