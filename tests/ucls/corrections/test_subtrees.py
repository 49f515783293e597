from pathlib import Path

import numpy as np
import pytest

from ucls.corrections.subtrees import Leaves, smaller_half
from ucls.runs.heads import as_trained
from ucls.runs.run import Run
from ucls.types import MergedHead

# Of the clusters 0, 2, 3, 5 and 6: (0 2), (3 5), ((0 2) 6), and all.
TREE = np.array([[0, 1, 1.0, 2], [2, 3, 1.5, 2], [5, 4, 2.0, 3], [6, 7, 3.0, 5]])
HEAD = MergedHead(np.array([0, -1, 1, 2, -1, 3, 4, -1], np.int32), TREE)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({0: 40, 2: 40, 3: 10, 5: 10, 6: 10}, {3, 5}),
        ({0: 40, 2: 30, 6: 50}, {6}),
        ({0: 40, 2: 30, 3: 2, 6: 2}, {2}),  # less than a tenth stays with the rest
        ({3: 40, 5: 60}, {3}),
        ({2: 100, 3: 1, 5: 1, 6: 1}, set()),
        ({}, set()),
        ({0: 1, 2: 1}, {0}),
    ],
)
def test_the_tree_is_followed_to_the_first_real_parting(
    counts: dict[int, int], expected: set[int]
) -> None:
    by_cluster = np.array([counts.get(cluster, 0) for cluster in range(8)])
    assert set(smaller_half(HEAD, by_cluster)) == expected


def test_leaves_are_the_clusters_of_the_best_voter(shared_run: Path) -> None:
    run = Run(shared_run)
    leaves = Leaves.of(run)
    assert leaves is not None
    trained = as_trained(run)
    best = min(run.consensuses.chosen().heads, key=lambda head: trained.loss[head])
    np.testing.assert_array_equal(leaves.of_images[:120], trained.labels["train"][best])
    np.testing.assert_array_equal(leaves.of_images[120:], trained.labels["val"][best])
    assert set(leaves.of_images[:120].tolist()) == set(
        np.flatnonzero(leaves.head.leaf_of >= 0).tolist()
    )


def test_a_long_chain_is_followed() -> None:
    n = 3000
    chain = np.array([[step and n + step - 1, step + 1, 1.0, step + 2] for step in range(n - 1)])
    head = MergedHead(np.array([0, n - 1], np.int32), chain)
    assert smaller_half(head, np.array([40, 60])) == (0,)
