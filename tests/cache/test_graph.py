from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ucls.cache import read_graph, read_nearest, write_graph
from ucls.errors import UsageError
from ucls.types import NeighborGraph

GRAPH = NeighborGraph(
    indptr=np.array([0, 2, 2, 3]),
    indices=np.array([1, 2, 0], dtype=np.int32),
    similarity=np.array([0.9, 0.5, 0.25], dtype=np.float16),
    k=2,
    threshold=0.3,
    cap=7,
    n_capped=1,
    backend="faiss",
    exact=True,
)


def test_figures_of_a_graph() -> None:
    assert GRAPH.n_images == 3
    assert GRAPH.counts.tolist() == [2, 0, 1]
    assert GRAPH.mean_count == 1.0
    indices, similarity = GRAPH.row(0)
    assert indices.tolist() == [1, 2]
    np.testing.assert_array_equal(similarity, np.float16([0.9, 0.5]))
    assert len(GRAPH.row(1)[0]) == 0


@pytest.mark.parametrize("i", [-1, 3])
def test_a_row_that_is_not_there(i: int) -> None:
    with pytest.raises(IndexError, match="of 3"):
        GRAPH.row(i)


@pytest.mark.parametrize(("threshold", "cap"), [(0.3, 7), (None, None), (-1.0, None), (None, 1)])
def test_round_trip(tmp_path: Path, threshold: float | None, cap: int | None) -> None:
    graph = replace(GRAPH, threshold=threshold, cap=cap, exact=False)
    write_graph(tmp_path / "neighbors.h5", graph)
    back = read_graph(tmp_path / "neighbors.h5")
    for name in ("indptr", "indices", "similarity"):
        written, read = getattr(graph, name), getattr(back, name)
        assert read.dtype == written.dtype
        np.testing.assert_array_equal(read, written)
    for name in ("k", "threshold", "cap", "n_capped", "backend", "exact"):
        written, read = getattr(graph, name), getattr(back, name)
        assert (type(read), read) == (type(written), written)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indptr": np.array([0, 2, 1, 3])}, "never fall"),
        ({"indptr": np.array([1, 2, 2, 3])}, "start at 0"),
        ({"indptr": np.array([0])}, "at least one row"),
        ({"indptr": np.array([0, 2, 2, 4])}, "expected 4 neighbours by indptr, got 3"),
        ({"indices": np.array([1, 2, 3], dtype=np.int32)}, "from 0 to 2, got 1 to 3"),
        ({"indices": np.array([1, 2, -1], dtype=np.int32)}, "from 0 to 2, got -1"),
        ({"indices": np.array([1, 2, 0])}, "indices as a int32 vector, got int64"),
        ({"similarity": np.float16([0.5])}, "1 similarities"),
    ],
)
def test_arrays_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(GRAPH, **change)


def test_inconsistent_file_names_the_path(tmp_path: Path) -> None:
    path = tmp_path / "neighbors.h5"
    write_graph(path, GRAPH)
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        file["indptr"][2] = 9
    with pytest.raises(UsageError, match=r"neighbors\.h5 is damaged: expected indptr"):
        read_graph(path)


def test_missing_dataset_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "neighbors.h5"
    write_graph(path, GRAPH)
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        del file["similarity"]
    with pytest.raises(UsageError, match=r"is damaged .*similarity.*ucls neighbors"):
        read_graph(path)


@pytest.mark.parametrize("nearest", [1, 2, 50])
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_the_nearest_alone_are_the_first_of_each_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nearest: int, chunk: int
) -> None:
    monkeypatch.setattr("ucls.cache.graph.ROWS_PER_CHUNK", chunk)
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 5, 11)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    whole = NeighborGraph(
        indptr=indptr,
        indices=rng.integers(0, 11, indptr[-1]).astype(np.int32),
        similarity=rng.random(indptr[-1]).astype(np.float16),
        k=1,
        threshold=0.5,
        cap=4,
        n_capped=2,
        backend="faiss",
        exact=True,
    )
    write_graph(tmp_path / "neighbors.h5", whole)
    part = read_nearest(tmp_path / "neighbors.h5", nearest)
    assert (part.k, part.threshold, part.cap, part.n_capped) == (1, 0.5, 4, 2)
    for row in range(11):
        for found, expected in zip(part.row(row), whole.row(row), strict=True):
            np.testing.assert_array_equal(found, expected[:nearest])


@pytest.mark.parametrize("recall", [None, 0.97])
def test_the_recall_is_kept_where_there_is_one(tmp_path: Path, recall: float | None) -> None:
    graph = replace(GRAPH, exact=recall is None, recall=recall)
    write_graph(tmp_path / "neighbors.h5", graph)
    found = read_graph(tmp_path / "neighbors.h5")
    assert (found.exact, found.recall) == (graph.exact, recall)
