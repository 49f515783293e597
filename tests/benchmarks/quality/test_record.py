from pathlib import Path

import numpy as np
import pytest

from benchmarks.efforts import EffortsRecord
from benchmarks.quality import record as records
from benchmarks.quality.record import QualityRecord, begin_record, describe, fill
from benchmarks.records import made_here, write_record
from benchmarks.sets import LabelledSet
from tests.benchmarks.quality.samples import figures, quality_record
from ucls.errors import UsageError
from ucls.runs.resolve import ExtractedData
from ucls.sources import load_source

LABELS = np.repeat(np.arange(3, dtype=np.int32), [1, 2, 4])
SMALL = LabelledSet(
    load_source("digits"), np.zeros((7, 2), np.float32), LABELS, 3, ExtractedData.model_construct()
)


@pytest.fixture
def measured(monkeypatch) -> list[tuple[str, int]]:
    """Methods and seeds that were measured."""
    cells: list[tuple[str, int]] = []

    def measure(method: str, data: LabelledSet, *, seed: int) -> object:
        cells.append((method, seed))
        return figures(0.5)

    monkeypatch.setattr(records, "measure", measure)
    return cells


def test_a_set_is_described() -> None:
    assert describe(SMALL) == {
        "images": 7, "features": 2, "classes": 3, "least": 1, "largest": 4
    }  # fmt: skip


def test_a_stopped_record_is_continued(measured: list[tuple[str, int]], tmp_path: Path) -> None:
    path = tmp_path / "quality.json"
    cells = {"methods": ["k-means", "PCA + Ward", "ucls"], "seeds": range(2)}
    record = begin_record(path, QualityRecord)
    told = fill(record, {"digits": SMALL}, **cells)
    assert next(told) == "digits, k-means, seed 0: ACC 0.500, 2.5 s"
    next(told)
    write_record(path, record)
    continued = begin_record(path, QualityRecord)
    assert continued == record
    rest = list(fill(continued, {"digits": SMALL}, **cells))
    assert len(rest) == 3
    # What draws nothing has one seed.
    assert measured == [
        ("k-means", 0), ("PCA + Ward", 0), ("ucls", 0), ("k-means", 1), ("ucls", 1)
    ]  # fmt: skip
    assert list(fill(continued, {"digits": SMALL}, **cells)) == []


def test_figures_of_another_command_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "quality.json"
    write_record(path, QualityRecord(**{**vars(quality_record()), "command": "another"}))
    with pytest.raises(UsageError, match="begun by another command or on another machine"):
        begin_record(path, QualityRecord)
    write_record(path, EffortsRecord(**made_here(), sets={}, results={"digits": {}}))
    path.write_text(path.read_text(encoding="utf-8").replace("results", "others"))
    with pytest.raises(UsageError, match="expected a record of `python -m benchmarks quality`"):
        begin_record(path, QualityRecord)
