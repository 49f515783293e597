"""Linear classifiers that several processes train."""

from functools import partial

import numpy as np
import pytest

from tests.conftest import blobs
from tests.jobs import run_job
from ucls.progress import MUTE, Reporter
from ucls.ranks import together
from ucls.settings.config import SelfTrainConfig
from ucls.training.linear import SelfTrained, self_train

COLUMNS = {"a": slice(0, 4), "b": slice(2, 8), "c": slice(0, 8)}


def classifiers(*, reporter: Reporter) -> SelfTrained:
    features, labels = blobs(120, 0)
    config = SelfTrainConfig(iterations=20, batch_size=30)
    return self_train(features, labels.astype(np.int32), COLUMNS, n_clusters=4, config=config)


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [2, 4])
def test_classifiers_come_out_as_in_one_process(n_processes: int) -> None:
    alone, shared = (
        run_job(n, partial(together, classifiers, reporter=MUTE)) for n in (1, n_processes)
    )
    assert alone.candidates == shared.candidates
    assert alone.chosen == shared.chosen
    np.testing.assert_array_equal(alone.agreement, shared.agreement)
    for one, other in zip(alone.classifiers, shared.classifiers, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)
        np.testing.assert_array_equal(one.bias, other.bias)
