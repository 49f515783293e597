import shutil
from pathlib import Path

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.peers.methods import Found
from ucls.peers.record import BenchRecord
from ucls.runs.run import Run

ONE = Found(np.arange(120, dtype=np.int32) % 3 - 1, 1.5)


def test_what_was_found_is_read_again(run_path: Path) -> None:
    record = BenchRecord(Run(run_path))
    assert record.found == {}
    record.add("k-means", ONE)
    record.add("ucls", Found(ONE.labels + 1, 2.0))
    again = BenchRecord(Run(run_path)).found
    assert list(again) == ["k-means", "ucls"]
    np.testing.assert_array_equal(again["k-means"].labels, ONE.labels)
    assert again["k-means"].seconds == 1.5
    assert BenchRecord(Run(run_path), overwrite=True).found == {}


def test_other_settings_begin_anew(run_path: Path) -> None:
    BenchRecord(Run(run_path)).add("k-means", ONE)
    run = Run(run_path)
    run.ask_for(run.requested.with_values({"n_clusters": 5}))
    assert BenchRecord(run).found == {}


def test_a_method_counts_once_its_labels_are_on_the_disk(run_path: Path, tmp_path: Path) -> None:
    record = BenchRecord(Run(run_path))
    record.add("k-means", ONE)
    shutil.copy(run_path / "bench.json", tmp_path)
    record.add("ucls", ONE)
    shutil.copy(tmp_path / "bench.json", run_path)  # as if it was killed between the two files
    assert list(BenchRecord(Run(run_path)).found) == ["k-means"]


def test_a_damaged_record_is_told(run_path: Path) -> None:
    BenchRecord(Run(run_path)).add("k-means", ONE)
    (run_path / "bench.json").write_text("{")
    with pytest.raises(UsageError, match=r"bench\.json is not valid JSON .*; remove it"):
        BenchRecord(Run(run_path))
