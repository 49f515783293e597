from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.conftest import Lines
from tests.ucls.merging.conftest import as_graph
from tests.ucls.merging.test_division import groups
from ucls.ensemble.mutual_information import normalized_mutual_information
from ucls.merging.partitions import PER_HEAD, partition_graph, voting_partitions
from ucls.types import Labels, Linkage, MergedHeads, NeighborGraph

EQUAL = [60] * 5


def merged(linkage: Linkage, **shares: float) -> MergedHeads:
    return MergedHeads((), linkage, shares)  # type: ignore[arg-type]


def voters(
    found: MergedHeads | None, graph: NeighborGraph, lines: Lines, *, linkage: str = "auto"
) -> Labels:
    return voting_partitions(
        found,
        lambda: graph,
        5,
        n_heads=6,
        n_images=300,
        linkage=linkage,
        seed=0,
        reporter=lines,
    )


@pytest.mark.parametrize("seed", range(3))
def test_each_partition_finds_equal_classes(seed: int) -> None:
    graph, classes = groups(seed=seed, sizes=(60,) * 5)
    found = partition_graph(graph, 5, n_partitions=4, seed=seed)
    assert (found.dtype, found.shape) == (np.int32, (4, 300))
    for labels in found:
        assert normalized_mutual_information(labels, classes) == pytest.approx(1.0)


def test_parts_are_of_like_size(plant_classes: Any) -> None:
    _, graph = plant_classes([240, 15, 15, 15, 15])
    for labels in partition_graph(graph, 5, n_partitions=3, seed=0):
        assert np.bincount(labels, minlength=5).max() <= 1.3 * 60 + 1


def test_partitions_differ_and_are_the_same_again(plant_classes: Any) -> None:
    _, graph = plant_classes([100, 100])
    three = partition_graph(graph, 7, n_partitions=3, seed=0)
    assert not np.array_equal(three[0], three[1])
    np.testing.assert_array_equal(partition_graph(graph, 7, n_partitions=2, seed=0), three[:2])
    assert not np.array_equal(partition_graph(graph, 7, n_partitions=3, seed=1), three)


CUT = {"diffusion": 0.5, "spectral": 0.5}


@pytest.mark.parametrize(
    ("found", "linkage", "votes"),
    [
        (merged("spectral", **CUT), "auto", True),
        (merged("average"), "auto", True),
        (merged("diffusion", **CUT), "auto", False),
        (merged("average", **CUT), "auto", False),
        (merged("spectral", **CUT), "spectral", False),
        (None, "none", False),
    ],
    ids=["equal", "heads of own size", "unequal", "merged by average", "asked for", "not merged"],
)
def test_partitions_vote_where_sizes_look_equal(
    found: MergedHeads | None, linkage: str, votes: bool, plant_classes: Any, lines: Lines
) -> None:
    _, graph = plant_classes(EQUAL)
    voting = voters(found, graph, lines, linkage=linkage)
    assert voting.shape == (PER_HEAD * 6 if votes else 0, 300)
    told = "ensemble: clusters look about equal in size, so 24 partitions of the neighbour graph "
    assert [line.startswith(told) for line in lines.said] == ([True] if votes else [])


def test_of_classes_that_overlap_one_for_each_head_votes(
    plant_classes: Any, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, graph = plant_classes(EQUAL)
    monkeypatch.setattr("ucls.merging.partitions.OVERLAP_FROM", 0.0)
    assert len(voters(merged("average"), graph, lines)) == 6
    (line,) = lines.said
    assert "so 6 partitions of" in line


def test_pairs_of_duplicates_alone_are_borne() -> None:
    graph = as_graph([[image ^ 1] for image in range(40)])
    for labels in partition_graph(graph, 2, n_partitions=2, seed=0):
        assert set(labels.tolist()) == {0, 1}


def test_images_that_no_mutual_link_holds_go_where_their_neighbours_are() -> None:
    graph, truth = groups(sizes=(40, 40))
    rows = [graph.indices[start:stop] for start, stop in pairwise(graph.indptr)]
    near = np.flatnonzero(truth == 0)[:10]
    rows += [near, [82, 83], [81, 83], [81, 82]]
    for labels in partition_graph(as_graph(rows), 2, n_partitions=4, seed=0):
        assert labels[80] == labels[near[0]]
        assert labels[81:].tolist() == [-1, -1, -1]
        assert normalized_mutual_information(labels[:80], truth) == pytest.approx(1.0)


def test_where_the_graph_falls_into_small_pieces_heads_vote_alone(lines: Lines) -> None:
    pairs = as_graph([[image ^ 1] for image in range(300)])
    assert not len(voters(merged("average"), pairs, lines))
    assert lines.said == []


def test_of_many_images_heads_vote_alone(
    plant_classes: Any, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, graph = plant_classes(EQUAL)
    monkeypatch.setattr("ucls.merging.partitions.MOST_IMAGES", 299)
    assert not len(voters(merged("average"), graph, lines))
