from pathlib import Path

import numpy as np
import pytest

from ucls.cache import read_graph
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.runs.settling import Settling
from ucls.types import LINKAGES, Labels

N, CLUSTERS = 120, 4


@pytest.fixture
def truth(run_path: Path) -> Labels:
    """The blob of each image."""
    return known_labels(Run(run_path))["train"].astype(np.int32)


def halved(truth: Labels, seed: int, n_heads: int = 2) -> Labels:
    """Heads that split every blob into two clusters at random."""
    halves = np.random.default_rng(seed).integers(2, size=(n_heads, N))
    return (2 * truth + halves).astype(np.int32)


def noise(seed: int, n_heads: int = 2) -> Labels:
    return np.random.default_rng(seed).integers(8, size=(n_heads, N)).astype(np.int32)


def settling(path: Path, linkage: str = "auto") -> Settling:
    config = Run(path).config.with_values({"merge.linkage": linkage})
    return Settling(read_graph(path / "neighbors.h5"), config)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("linkage", ["auto", *LINKAGES])
def test_it_settles_once_more_heads_say_the_same(
    run_path: Path, truth: Labels, seed: int, linkage: str
) -> None:
    watched = settling(run_path, linkage)
    assert not watched.settles(noise(seed), [8, 8])
    assert not watched.settles(halved(truth, seed, n_heads=8), [8] * 8)
    assert watched.settles(halved(truth, seed + 9), [8, 8])


def test_it_settles_at_once_if_all_heads_agree(run_path: Path, truth: Labels) -> None:
    assert not settling(run_path).settles(halved(truth, 0), [8, 8])
    assert settling(run_path).settles(halved(truth, 0, n_heads=3), [8] * 3)


@pytest.mark.parametrize("seed", range(3))
def test_it_does_not_settle_while_heads_say_something_else(run_path: Path, seed: int) -> None:
    watched = settling(run_path)
    assert not any(watched.settles(noise(10 * seed + group), [8, 8]) for group in range(4))


def test_all_heads_so_far_vote(run_path: Path, truth: Labels) -> None:
    """Two that know nothing change little beside many that agree."""
    watched = settling(run_path)
    watched.settles(halved(truth, 0, n_heads=8), [8] * 8)
    assert watched.settles(noise(0, n_heads=1), [8])
    assert len(np.concatenate(watched.heads)) == 9


def test_the_first_heads_choose_the_linkage(run_path: Path, truth: Labels) -> None:
    watched = settling(run_path)
    watched.settles(halved(truth, 0), [8, 8])
    chosen = watched.linkage
    assert chosen in LINKAGES
    watched.settles(noise(0), [8, 8])
    assert watched.linkage == chosen


def test_heads_of_several_sizes_are_merged_to_the_clusters_wanted(
    run_path: Path, truth: Labels
) -> None:
    watched = settling(run_path)
    heads = np.concatenate([truth[None], halved(truth, 0, n_heads=1)])
    watched.settles(heads, [4, 8])
    assert watched.settles(heads, [4, 8])
    assert max(labels.max() for labels in watched.heads) < CLUSTERS


def test_without_merging_only_heads_with_as_many_clusters_vote(
    run_path: Path, truth: Labels
) -> None:
    watched = settling(run_path, "none")
    for group in range(2):
        heads = np.concatenate([truth[None], noise(group, n_heads=1)])
        assert watched.settles(heads, [4, 8]) == (group == 1)
    assert [len(labels) for labels in watched.heads] == [1, 1]


@pytest.mark.parametrize("linkage", ["auto", "none"])
def test_heads_that_cannot_vote_settle_nothing(run_path: Path, linkage: str) -> None:
    watched = settling(run_path, linkage)
    for _ in range(3):
        assert not watched.settles(np.zeros((2, N), dtype=np.int32), [8, 8])
