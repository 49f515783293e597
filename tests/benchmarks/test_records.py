from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from benchmarks.records import Record, made_here, read_record, write_record
from ucls.cache import read_json, write_json
from ucls.errors import UclsError, UsageError


@dataclass(frozen=True, kw_only=True)
class Weight:
    kilograms: float


@dataclass(frozen=True, kw_only=True)
class Scale(Record):
    made_by: ClassVar[str] = "weigh"
    weights: tuple[Weight, ...]


@pytest.fixture
def record() -> Scale:
    return Scale(**made_here(), weights=(Weight(kilograms=1.5), Weight(kilograms=2.0)))


def test_a_record_comes_back_as_it_was(tmp_path: Path, record: Scale) -> None:
    path = tmp_path / "new" / "scale.json"
    write_record(path, record)
    assert read_record(path, Scale) == record
    assert read_json(path)["schema"] == 1


def test_a_record_tells_its_origin(record: Scale, monkeypatch: pytest.MonkeyPatch) -> None:
    assert record.machine["cores"] >= 1
    assert record.measured.endswith("+00:00")
    monkeypatch.setattr("sys.argv", ["benchmarks", "weigh", "--out", "a file"])
    assert made_here()["command"] == "python -m benchmarks weigh --out 'a file'"


@pytest.mark.parametrize(
    ("change", "found"),
    [({"schema": 2}, "schema 2"), ({"weights": 3}, "something else"), ({"b": 1}, "something else")],
)
def test_another_record_is_refused(
    tmp_path: Path, record: Scale, change: dict[str, object], found: str
) -> None:
    path = tmp_path / "scale.json"
    write_record(path, record)
    write_json(path, {**read_json(path), **change})
    with pytest.raises(UsageError, match=rf"`python -m benchmarks weigh` .*, got {found}: give"):
        read_record(path, Scale)


@pytest.mark.parametrize(("text", "found"), [("[]", "something else"), ("{", "no JSON")])
def test_another_file_is_refused(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "scale.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"scale\.json, got {found}"):
        read_record(path, Scale)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.json, got no such file"):
        read_record(tmp_path / "nothing.json", Scale)


def test_what_is_no_number_is_not_written(tmp_path: Path, record: Scale) -> None:
    wrong = Scale(**made_here(), weights=(Weight(kilograms=float("nan")),))
    with pytest.raises(UclsError):
        write_record(tmp_path / "scale.json", wrong)
    assert not (tmp_path / "scale.json").exists()
