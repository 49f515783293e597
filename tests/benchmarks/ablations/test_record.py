from pathlib import Path

import pytest

from benchmarks.ablations.record import Entry, Record
from ucls.cache import read_json, write_json
from ucls.errors import UsageError


def test_a_record_is_read_as_it_was_written(tmp_path: Path, make_record) -> None:
    record = make_record()
    record.write(tmp_path / "record.json")
    assert Record.read(tmp_path / "record.json") == record


def test_only_runs_with_figures_count_as_finished(make_record) -> None:
    record = make_record(accs=(0.8,))
    n_finished = len(record.finished)
    record.entries.append(Entry("sinkhorn", 1, "key", "folder", "a machine", error="no memory"))
    assert len(record.finished) == n_finished == len(record.entries) - 1


def test_the_title_says_that_a_source_is_simulated(make_record) -> None:
    assert make_record().title == "digits"
    assert make_record(source="mine", simulated={"n_images": 9}).title == "mine (simulated)"
    assert make_record(source="simulated", simulated={"n_images": 9}).title == "simulated"


@pytest.mark.parametrize("content", [{"some": "thing"}, [1], {"schema": 1, "entries": [{}]}])
def test_another_file_is_no_record(tmp_path: Path, content: object) -> None:
    path = tmp_path / "record.json"
    write_json(path, content)
    with pytest.raises(UsageError, match="no record of an ablation"):
        Record.read(path)


def test_a_record_of_another_schema_is_refused(tmp_path: Path, make_record) -> None:
    path = tmp_path / "record.json"
    make_record().write(path)
    write_json(path, {**read_json(path), "schema": 99})
    with pytest.raises(UsageError, match="schema 99"):
        Record.read(path)
