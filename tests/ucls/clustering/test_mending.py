from functools import partial

import numpy as np
import pytest

from tests.conftest import Lines
from tests.ucls.merging.test_division import groups, is_same
from ucls.clustering import mending
from ucls.clustering.mending import mended
from ucls.settings.config import MergeConfig

AUTO = MergeConfig(linkage="auto")
graph, truth = groups()
EMPTY = np.array([0, 1, 3, 3], np.int32)[truth]
TORN = EMPTY.copy()
TORN[np.flatnonzero(truth == 0)[:20]] = 2
mend = partial(mended, read_graph=lambda: graph, n_clusters=4)


def test_empty_clusters_are_filled_and_torn_ones_mended(lines: Lines) -> None:
    for labels in (EMPTY, TORN):
        found = mend(labels, config=AUTO, has_partitions=False, reporter=lines)
        assert is_same(found, truth)
    assert len(lines.said) == 2


def test_where_clusters_look_equal_only_empty_ones_are_filled(lines: Lines) -> None:
    assert is_same(mend(EMPTY, config=AUTO, has_partitions=True, reporter=lines), truth)
    assert mend(TORN, config=AUTO, has_partitions=True, reporter=lines).tolist() == TORN.tolist()


@pytest.mark.parametrize(
    "config",
    [
        MergeConfig(linkage="diffusion"),
        MergeConfig(linkage="auto", known="known.csv"),
        MergeConfig(linkage="auto", min_cluster_size=3),
    ],
)
def test_what_was_asked_for_stays(config: MergeConfig, lines: Lines) -> None:
    for labels in (EMPTY, TORN):
        found = mend(labels, config=config, has_partitions=False, reporter=lines)
        assert found.tolist() == labels.tolist()
    assert lines.said == []


def test_many_images_stay(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mending, "MOST_IMAGES", len(truth) - 1)
    assert mend(TORN, config=AUTO, has_partitions=False, reporter=lines).tolist() == TORN.tolist()
