import numpy as np

from ucls.runs.scores import balance, scores

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
