from pathlib import Path

import numpy as np
import pytest

from benchmarks.consensus_process import combine
from ucls.errors import UsageError


def test_the_clustering_is_left_in_a_file(tmp_path: Path) -> None:
    labels, out = tmp_path / "labels.npy", tmp_path / "out.npy"
    np.save(labels, np.tile(np.arange(30, dtype=np.int32) % 3, (4, 1)))
    figures = combine(str(labels), "vote", 3, 0, str(out))
    assert (figures["anmi"], figures["occupied_clusters"]) == (1.0, 3)
    assert figures["seconds"] > 0
    assert len(np.unique(np.load(out).reshape(10, 3), axis=0)) == 1
    with pytest.raises(UsageError, match="n_clusters"):
        combine(str(labels), "vote", 99, 0, str(out))
