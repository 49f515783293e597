from pathlib import Path

import numpy as np
import pytest

from benchmarks.report.subjects import large_run
from ucls.cache import read_graph
from ucls.report.state import RunState
from ucls.runs.run import Run

pytestmark = pytest.mark.slow


def test_a_run_is_made_as_large_as_wanted(tmp_path: Path) -> None:
    path = large_run(tmp_path, 3000, n_clusters=10)
    state = RunState.of(Run(path))
    assert len(state.labels) == 3000
    with state.run.features("train") as cache:
        assert len(cache) == 3000
        assert cache.paths() == state.labels.paths
    graph = read_graph(path / "neighbors.h5")
    assert graph.n_images == 3000
    own, _ = graph.row(7)
    other, _ = graph.row(507)
    np.testing.assert_array_equal(own + 500, other)
    assert state.head_labels.shape[1] == 3000
