"""A search that several processes share."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from tests.jobs import run_job
from ucls.neighbors.build import build_neighbors
from ucls.progress import MUTE, Reporter
from ucls.ranks import rank, together
from ucls.types import NeighborGraph

WAYS: list[dict[str, Any]] = [
    {"threshold": 0.3, "cap": 20},
    {"threshold": "typical"},
    {"threshold": 0.2, "cap": 9, "cap_keeps": "sample"},
    {"threshold": 0.3, "backend": "faiss"},
]


def graphs(*, reporter: Reporter) -> list[NeighborGraph]:
    features = np.random.default_rng(0).normal(size=(301, 8)).astype(np.float32)
    features[100:110] = features[0]
    torch.set_num_threads(1 + 2 * rank())  # as where machines have other numbers of cores
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ucls.neighbors.search.QUERIES_PER_CHUNK", 64)
        patched.setattr("ucls.neighbors.search.THREADS_PER_CHUNK", 1)
        patched.setattr("ucls.neighbors.search.RANKED_PER_CHUNK", 64 * 292)
        return [build_neighbors(features, k=5, **way) for way in WAYS]


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [2, 4])
def test_the_graph_is_that_of_one_process(n_processes: int) -> None:
    alone, shared = (run_job(n, partial(together, graphs, reporter=MUTE)) for n in (1, n_processes))
    for one, other in zip(alone, shared, strict=True):
        assert vars(one).keys() == vars(other).keys()
        for name, value in vars(one).items():
            np.testing.assert_array_equal(vars(other)[name], value, err_msg=name)
