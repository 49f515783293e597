from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ucls.cache import (
    Assignments,
    ConsensusEntry,
    read_assignments,
    read_consensus,
    write_assignments,
    write_consensus,
)
from ucls.errors import UsageError

ASSIGNMENTS = Assignments(
    labels={"train": np.int32([[0, 1, -1], [1, 3, 0]]), "val": np.int32([[0], [1]])},
    confidence={"train": np.full((2, 3), 0.5, np.float16), "val": np.ones((2, 1), np.float16)},
    loss=np.float32([0.5, -1.25]),
    n_clusters=2,
    head_clusters=np.int32([2, 4]),
)
ENTRY = ConsensusEntry(
    name="vote[0-4,7]",
    method="vote",
    heads=(0, 1, 2, 3, 4, 7),
    labels={"train": np.int32([0, 1, 1])},
    confidence={"train": np.float16([1, 0.5, 0.25])},
    anmi={"train": 0.75},
    seconds={"train": 1.5},
    key="k1",
    settings={"method": "vote", "revote": True, "min_jaccard": 0.5},
    seed=7,
    best_of=("k2", "k3"),
    n_partitions=12,
)


def assert_same(one: Any, other: Any) -> None:
    """Compares two dataclasses whose fields may hold arrays."""
    for name, value in vars(one).items():
        found = getattr(other, name)
        if isinstance(value, dict):
            assert found.keys() == value.keys()
            for key, array in value.items():
                assert getattr(found[key], "dtype", None) == getattr(array, "dtype", None)
                np.testing.assert_array_equal(found[key], array)
        else:
            np.testing.assert_array_equal(found, value)


def test_assignments_round_trip(tmp_path: Path) -> None:
    write_assignments(tmp_path / "assignments.h5", ASSIGNMENTS)
    assert_same(ASSIGNMENTS, read_assignments(tmp_path / "assignments.h5"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"loss": np.float32([0.5]), "head_clusters": np.int32([2])},
            r"labels \[1, N\] for split train",
        ),
        ({"loss": np.float32([0.5])}, r"clusters of 1 heads, one for each loss, got \(2,\)"),
        ({"head_clusters": np.int32([[2, 4]])}, r"clusters of 2 heads, .* got \(1, 2\)"),
        (
            {"head_clusters": np.int32([2, 3])},
            "below the 3 clusters .* for split train, got -1 to 3",
        ),
        (
            {"head_clusters": np.int32([1, 4])},
            "below the 4 clusters .* for split train, got -1 to 3",
        ),
        (
            {"labels": {**ASSIGNMENTS.labels, "val": np.int32([[-2], [0]])}},
            "for split val, got -2 to 0",
        ),
        ({"labels": {}}, "same splits and shapes"),
        ({"confidence": {"train": np.ones((2, 3), np.float16)}}, "same splits and shapes"),
    ],
)
def test_assignments_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(ASSIGNMENTS, **change)


def test_assignments_of_an_older_version(tmp_path: Path) -> None:
    """Its heads all had as many clusters as were wanted."""
    path = tmp_path / "assignments.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "ucls-assignments", "version": 1, "n_clusters": 3})
        file["loss"] = np.float32([0.5, -1.25])
        split = file.create_group("splits/train")
        split["labels"] = np.int32([[0, 2, -1], [1, 1, 0]])
        split["confidence"] = np.full((2, 3), 0.5, np.float16)
    found = read_assignments(path)
    assert found.head_clusters.tolist() == [3, 3]
    assert found.head_clusters.dtype == np.int32
    assert found.n_clusters == 3
    assert found.labels["train"].tolist() == [[0, 2, -1], [1, 1, 0]]
    write_assignments(path, found)
    assert_same(found, read_assignments(path))


def test_assignments_of_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "assignments.h5"
    write_assignments(path, ASSIGNMENTS)
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        assert file.attrs["version"] == 2
        file.attrs["version"] = 3
    with pytest.raises(UsageError, match="format version 3, this UCLS reads up to 2; upgrade UCLS"):
        read_assignments(path)


def test_damaged_assignments(tmp_path: Path) -> None:
    path = tmp_path / "assignments.h5"
    write_assignments(path, ASSIGNMENTS)
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        del file["loss"]
    with pytest.raises(UsageError, match=r"assignments\.h5 is damaged .*loss.*ucls train"):
        read_assignments(path)


def test_consensuses_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "consensus.h5"
    bare = replace(
        ENTRY, name="mcla", heads=(), anmi={}, seconds={}, settings=None, best_of=(), n_partitions=0
    )
    write_consensus(path, [ENTRY, bare], chosen="vote[0-4,7]")
    entries, chosen = read_consensus(path)
    assert (set(entries), chosen) == ({"vote[0-4,7]", "mcla"}, "vote[0-4,7]")
    assert_same(ENTRY, entries["vote[0-4,7]"])
    assert_same(bare, entries["mcla"])
    assert list(tmp_path.iterdir()) == [path]


def test_consensuses_replace_those_that_were_there(tmp_path: Path) -> None:
    path = tmp_path / "consensus.h5"
    write_consensus(path, [replace(ENTRY, name="a"), replace(ENTRY, name="b")], chosen="b")
    write_consensus(path, [replace(ENTRY, name="c", key="k2")], chosen=None)
    entries, chosen = read_consensus(path)
    assert {name: entry.key for name, entry in entries.items()} == {"c": "k2"}
    assert chosen is None


def test_consensus_of_an_older_version(tmp_path: Path) -> None:
    """It knew the seconds of all splits together, and no settings."""
    path = tmp_path / "consensus.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "ucls-consensus", "version": 1, "chosen": "mcla"})
        entry = file.create_group("entries/mcla")
        entry.attrs.update({"method": "mcla", "heads": [0, 2], "seconds": 1.5, "key": "k1"})
        split = entry.create_group("splits/train")
        split["labels"] = np.int32([0, 1, 1])
        split["confidence"] = np.float16([1, 0.5, 0.25])
        split.attrs["anmi"] = 0.75
    entries, chosen = read_consensus(path)
    assert chosen == "mcla"
    old = replace(ENTRY, name="mcla", method="mcla", heads=(0, 2), seconds={})
    assert_same(replace(old, settings=None, seed=None, best_of=(), n_partitions=0), entries["mcla"])


@pytest.mark.parametrize(
    ("names", "chosen", "message"),
    [("aa", "a", r"different names, got \['a', 'a'\]"), ("ab", "c", "to be chosen, got 'c'")],
)
def test_consensuses_that_do_not_fit(names: str, chosen: str, message: str, tmp_path: Path) -> None:
    entries = [replace(ENTRY, name=name) for name in names]
    with pytest.raises(UsageError, match=message):
        write_consensus(tmp_path / "consensus.h5", entries, chosen=chosen)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a/b"}, "without a slash, got 'a/b'"),
        ({"name": ""}, "without a slash"),
        ({"name": ".."}, "without a slash"),
        ({"anmi": {"val": 0.5}}, r"ANMI for some of \['train'\], got \['val'\]"),
        ({"seconds": {"val": 0.5}}, r"seconds for some of \['train'\], got \['val'\]"),
        ({"confidence": {"train": np.ones(2, np.float16)}}, "same splits and shapes"),
    ],
)
def test_consensus_that_does_not_fit(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(ENTRY, **change)


def test_damaged_consensus(tmp_path: Path) -> None:
    path = tmp_path / "consensus.h5"
    path.write_bytes(b"half")
    with pytest.raises(UsageError, match="truncated or not an HDF5 file; run `ucls ensemble`"):
        read_consensus(path)
