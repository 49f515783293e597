import numpy as np

from tests.conftest import Lines
from ucls.runs.scores import balance, scores, warn_of_empty, warn_of_small

HALVES = np.array([0, 0, 1, 1], dtype=np.int32)


def test_scores_need_labels() -> None:
    assert scores(None, HALVES) == {}
    assert scores(HALVES, 1 - HALVES)["acc"] == 1.0


def test_balance() -> None:
    assert balance(HALVES, 2) == {
        "kl_to_uniform": 0.0,
        "occupied_clusters": 2,
        "cluster_sizes": [len(HALVES) // 2] * 2,
    }
    uneven = balance(np.zeros(4, dtype=np.int32), 2)
    assert uneven["occupied_clusters"] == 1
    assert uneven["kl_to_uniform"] > 0.6


def test_empty_clusters_are_warned_of_in_one_line(lines: Lines) -> None:
    clusters = {"train": HALVES, "val": np.array([1, -1, 1], dtype=np.int32)}
    warn_of_empty(lines, "cut", clusters, n_clusters=2)
    warn_of_empty(lines, "cut", clusters, n_clusters=3)
    warn_of_empty(lines, "cut", {"train": HALVES}, n_clusters=2)
    assert lines.said == [
        "WARNING: cut: 1 of 2 clusters are empty in val",
        "WARNING: cut: 1 of 3 clusters are empty in train, 2 of 3 clusters are empty in val",
    ]


def test_clusters_smaller_than_asked_for_are_warned_of_in_one_line(lines: Lines) -> None:
    clusters = np.array([0, 0, 0, 2, -1, -1], dtype=np.int32)
    warn_of_small(lines, clusters, least=1, n_clusters=3)
    warn_of_small(lines, clusters, least=3, n_clusters=3)
    assert lines.said == [
        "WARNING: 1 of 2 clusters with fewer than the 3 images asked for, the smallest with 1: "
        "pass a smaller --min-size (merge.min_cluster_size)"
    ]
