from pathlib import Path

import numpy as np
import pytest

from ucls.corrections.edits import Corrections, Merge, Move
from ucls.report.separation import normalized_cuts, separation
from ucls.report.state import RunState
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.relabel import relabel


def test_normalized_cuts_of_a_worked_example() -> None:
    # Within: 4 and 2 links, seen from both ends; 2 between the first two; the third is alone.
    links = np.array([[8.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 6.0]])
    expected = 2 / (8 + 2) + 2 / (4 + 2)
    np.testing.assert_allclose(
        normalized_cuts(links), [[0, expected, 0], [expected, 0, 0], [0, 0, 0]]
    )


@pytest.mark.parametrize("seed", range(3))
def test_two_random_halves_of_one_cluster_have_a_cut_of_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    side = rng.integers(0, 2, 4000)
    first, second = rng.integers(0, 4000, (2, 60_000))
    counts = np.zeros((2, 2))
    np.add.at(counts, (side[first], side[second]), 1)
    assert normalized_cuts(counts + counts.T)[0, 1] == pytest.approx(1.0, abs=0.02)


def test_clusters_that_are_apart(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    found = separation(state)
    n_clusters = len(state.numbers)
    assert found.cuts.shape == found.votes.shape == (n_clusters, n_clusters)
    assert found.cuts.max() < 0.3
    np.testing.assert_allclose(found.votes.sum(axis=1), 1.0)
    assert (np.diag(found.votes) > 0.5).all()
    assert found.tree.shape == (n_clusters - 1, 4)
    assert (found.inner_cuts > 0.1).all()


def test_two_clusters_put_into_one_fall_apart_by_the_tree(run_path: Path) -> None:
    first, second, *_ = sorted(read_labels(Run(run_path)).sizes())
    relabel(run_path, Corrections(edits=(Merge(clusters=(second,), into=first),)))
    state = RunState.of(Run(run_path))
    found = separation(state)
    assert found.inner_cuts[state.numbers.index(first)] < 0.1
    assert found.votes[state.numbers.index(first), state.numbers.index(first)] > 0.8


def test_parts_of_one_cluster_hang_together(run_path: Path) -> None:
    labels = read_labels(Run(run_path))
    first = min(labels.sizes())
    rows = np.flatnonzero(labels.clusters == first)[::2]
    relabel(run_path, Corrections(edits=(Move(images=tuple(rows.tolist()), into=9),)))
    state = RunState.of(Run(run_path))
    cuts = separation(state).cuts
    assert cuts[state.numbers.index(first), state.numbers.index(9)] > 0.8
