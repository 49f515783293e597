"""Groups of heads that several processes train."""

import json
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.jobs import run_job
from tests.ucls.clustering.test_head_training import equal, training
from ucls.clustering.head_training import Trained
from ucls.progress import MUTE, Reporter
from ucls.ranks import together

ONE_BY_ONE = {"train.heads_at_once": 1}
NEVER = 2.0


WAYS: dict[str, tuple[dict[str, Any], float, bool]] = {
    "even": ({}, NEVER, False),
    "uneven": (ONE_BY_ONE | {"train.n_heads": 3}, NEVER, False),
    "settled": (ONE_BY_ONE | {"train.early_stopping": True}, 0.0, False),
    "over-clustered": ({}, NEVER, True),
    "temi": ({"train.objective": "temi", "train.instance_weights": True}, NEVER, False),
    "by data": ({"train.parallel": "data", "train.precision": "float32"}, NEVER, False),
}
"""Settings, from which likeness on the consensus is settled, whether large heads disagree."""


def trained(
    values: dict[str, Any], settled: float, disagree: bool
) -> tuple[Trained, list[dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ucls.runs.settling.SETTLED", settled)
        if disagree:
            patched.setattr(
                "ucls.clustering.head_training.heads_disagree",
                lambda labels, graph, n, *, head_clusters: min(head_clusters) > n,
            )
        heads = training(**values)
        return heads.train(), [json.loads(line) for line in heads.log]


def trained_in_all_ways(*, reporter: Reporter) -> dict[str, Any]:
    return {name: trained(*way) for name, way in WAYS.items()}


def without_time(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    timed = {"seconds", "images_per_second"}
    return [{name: line[name] for name in line.keys() - timed} for line in log]


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [2, 4])
def test_heads_come_out_as_in_one_process(n_processes: int) -> None:
    alone = trained_in_all_ways(reporter=MUTE)
    shared = run_job(n_processes, partial(together, trained_in_all_ways, reporter=MUTE))
    assert len(alone["settled"][0].assignments.loss) == 2
    for name, (found, log) in alone.items():
        if name != "by data":
            assert equal(found, shared[name][0]), name
            assert without_time(log) == without_time(shared[name][1])
    one, other = (found["by data"][0].assignments for found in (alone, shared))
    assert (one.labels["train"] == other.labels["train"]).mean() > 0.95
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-3)
