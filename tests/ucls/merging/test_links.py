from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.ucls.merging.test_division import groups
from ucls.merging import links
from ucls.merging.links import (
    PSEUDO_LINKS,
    ClusterLinks,
    Edges,
    Pieces,
    balanced_root,
    count_joint_links,
    count_links,
    cut_share,
    mutual_among,
    mutual_links,
    nearest_counting,
    nearest_edges,
)
from ucls.types import NeighborGraph

Array = npt.NDArray[Any]
MakeGraph = Callable[[Sequence[Sequence[int]]], NeighborGraph]


def test_only_the_nearest_neighbours_count(make_graph: MakeGraph) -> None:
    graph = make_graph([[1, 2, 3], [], [0], [2, 1]])
    every = nearest_edges(graph)
    assert every.sources.tolist() == [0, 0, 0, 2, 3, 3]
    assert every.targets.tolist() == [1, 2, 3, 0, 2, 1]
    two = nearest_edges(graph, nearest=2)
    assert two.sources.tolist() == [0, 0, 2, 3, 3]
    assert two.targets.tolist() == [1, 2, 0, 2, 1]
    assert nearest_edges(graph, nearest=1).targets.tolist() == [1, 0, 2]


def test_fifty_neighbours_count_where_nothing_is_said(make_graph: MakeGraph) -> None:
    graph = make_graph([list(range(1, 60)), *([[0]] * 59)])
    assert nearest_edges(graph).targets.tolist() == [*range(1, 51), *([0] * 59)]


def test_mutual_links_and_those_to_the_nearest(make_graph: MakeGraph) -> None:
    graph = make_graph([[1, 2], [0], [3, 1], [2], [0]])
    links = mutual_links(graph, 1).toarray()
    expected = np.zeros((5, 5), int)
    expected[0, 1] = expected[1, 0] = expected[2, 3] = expected[3, 2] = 4
    expected[0, 4] = expected[4, 0] = 1
    np.testing.assert_array_equal(links, expected)


@pytest.mark.parametrize(("n_clusters", "nearest"), [(1, 10), (4, 5), (30, 3)])
def test_mutual_neighbours_are_among_the_root_of_a_balanced_cluster(
    n_clusters: int, nearest: int, make_graph: MakeGraph
) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.permutation(np.delete(np.arange(100), image))[:60] for image in range(100)]
    links = mutual_links(make_graph(rows), n_clusters).toarray()
    among = np.zeros((100, 100), int)
    for image, row in enumerate(rows):
        among[image, row[:nearest]] = 1
    weights = 2 * among * among.T
    first = np.zeros((100, 100), int)
    first[np.arange(100), [row[0] for row in rows]] = 1
    np.testing.assert_array_equal(links, weights + first + first.T)


def bursts(n_bursts: int, size: int, n_far: int) -> list[list[int]]:
    """Each image's burst, and images of the next bursts behind it."""
    every = np.arange(n_bursts * size)
    return [
        [
            *np.delete(burst, image % size),
            *np.concatenate([np.roll(every, -size * step)[burst] for step in range(1, n_far + 1)]),
            *np.concatenate([np.roll(every, size * step)[burst] for step in range(1, n_far + 1)]),
        ]
        for image, burst in ((image, every[image // size * size :][:size]) for image in every)
    ]


def test_what_a_graph_falls_into(make_graph: MakeGraph) -> None:
    graph = make_graph([[1], [0], [3, 4], [2], [2], [6], [5], [8], [7, 9], [8]])
    pieces = Pieces.of(mutual_links(graph, 2), 2)
    assert len(set(pieces.of_images.tolist())) == 4
    assert pieces.is_small.tolist() == [True] * 2 + [False] * 3 + [True] * 2 + [False] * 3
    assert (pieces.fall_apart, pieces.hang_together) == (False, False)
    assert Pieces.of(mutual_links(graph, 5), 5).hang_together
    assert Pieces.of(mutual_links(graph, 1), 1).fall_apart


def test_more_neighbours_count_where_images_lie_in_bursts(make_graph: MakeGraph) -> None:
    graph = make_graph(bursts(20, 10, n_far=1))
    assert Pieces.of(mutual_among(graph, balanced_root(graph, 8)), 8).fall_apart
    assert (balanced_root(graph, 8), nearest_counting(graph, 8)) == (5, 20)
    assert Pieces.of(mutual_links(graph, 8), 8).hang_together


def test_bursts_that_lead_nowhere_stay_pieces(make_graph: MakeGraph) -> None:
    alone = [[other for other in range(4) if other != image] for image in range(4)]
    graph = make_graph(
        [[4 * burst + image for image in row] for burst in range(9) for row in alone]
    )
    assert nearest_counting(graph, 3) == 3
    assert Pieces.of(mutual_links(graph, 3), 3).fall_apart


def test_no_more_than_fifty_count_even_so(make_graph: MakeGraph) -> None:
    graph = make_graph(bursts(6, 60, n_far=1))
    assert nearest_counting(graph, 2) == 50


def test_the_cut_share_is_that_of_the_weights() -> None:
    graph, truth = groups(sizes=(30, 30))
    links = mutual_links(graph, 2)
    labels = np.random.default_rng(0).integers(0, 2, len(truth)).astype(np.int32)
    whole = links.toarray()
    expected = whole[labels[:, None] != labels].sum() / whole.sum()
    assert cut_share(labels, links) == pytest.approx(expected)
    assert cut_share(np.zeros_like(labels), links) == 0


def counted_by_hand(labels: Array, n_clusters: int, edges: Edges) -> Array:
    expected = np.zeros((n_clusters, n_clusters))
    for source, target in zip(edges.sources, edges.targets, strict=True):
        one, other = labels[source], labels[target]
        if one >= 0 and other >= 0:
            expected[one, other] += 1
            expected[other, one] += 1
    return expected


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("per_chunk", [links.EDGES_PER_CHUNK, 7])
def test_links_are_counted_both_ways_and_missing_labels_have_none(
    seed: int, per_chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "EDGES_PER_CHUNK", per_chunk)
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 4, 30).astype(np.int32)
    edges = Edges(*rng.integers(0, 30, (2, 100)).astype(np.int32))
    found = count_links(labels, 5, edges)
    np.testing.assert_array_equal(found.links, counted_by_hand(labels, 5, edges))
    assert found.sizes.tolist() == [np.count_nonzero(labels == cluster) for cluster in range(5)]
    assert found.links.dtype == np.float64


def test_the_share_of_links_that_a_merging_cuts() -> None:
    clusters = ClusterLinks(np.array([[6.0, 2, 1], [2, 4, 0], [1, 0, 4]]), np.array([3, 2, 2]))
    assert clusters.cut_share(np.int32([0, 0, 0])) == 0
    assert clusters.cut_share(np.int32([0, 0, 1])) == pytest.approx(2 / 20)
    assert clusters.cut_share(np.int32([0, 1, 2])) == pytest.approx(6 / 20)


def test_without_links_none_are_cut() -> None:
    assert ClusterLinks(np.zeros((2, 2)), np.array([1, 1])).cut_share(np.int32([0, 1])) == 1.0


def test_empty_clusters_leave_and_all_others_are_linked() -> None:
    counted = np.array([[8.0, 0, 0], [0, 0, 0], [0, 0, 2]])
    held = ClusterLinks(counted, np.array([3, 0, 1])).occupied()
    assert held.sizes.tolist() == [3, 1]
    by_chance = np.array([[9, 3], [3, 1]]) / 16 * 10
    np.testing.assert_allclose(held.links, counted[::2, ::2] + PSEUDO_LINKS * by_chance)


def test_pseudo_links_do_not_outweigh_a_single_real_one() -> None:
    counted = np.array([[100.0, 2, 0], [2, 90, 0], [0, 0, 80]])
    held = ClusterLinks(counted, np.array([10, 9, 8])).occupied()
    assert held.links[0, 2] < 0.05 * held.links[0, 1]
    assert (held.links > 0).all()


def joint_sets() -> tuple[np.ndarray, list[int], Edges]:
    rng = np.random.default_rng(0)
    labels = np.stack([rng.integers(-1, size, 60) for size in (4, 6)]).astype(np.int32)
    sources, targets = rng.integers(0, 60, (2, 500)).astype(np.int32)
    return labels, [4, 6], Edges(sources, targets)


def test_joint_links_are_those_of_each_pair_of_heads() -> None:
    labels, sizes, edges = joint_sets()
    found = count_joint_links(labels, sizes, edges)
    for head, span in ((0, slice(0, 4)), (1, slice(4, 10))):
        alone = count_links(labels[head], sizes[head], edges)
        np.testing.assert_array_equal(found.links[span, span], alone.links)
        np.testing.assert_array_equal(found.sizes[span], alone.sizes)
    expected = np.zeros((4, 6))
    for source, target in zip(edges.sources, edges.targets, strict=True):
        for one, other in ((source, target), (target, source)):
            if labels[0, one] >= 0 <= labels[1, other]:
                expected[labels[0, one], labels[1, other]] += 1
    np.testing.assert_array_equal(found.links[:4, 4:], expected)
    np.testing.assert_array_equal(found.links, found.links.T)


def test_of_many_edges_an_even_sample_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, sizes, edges = joint_sets()
    monkeypatch.setattr("ucls.merging.links.EDGES_FOR_ALL_HEADS", 250)
    found = count_joint_links(labels, sizes, edges)
    half = Edges(edges.sources[::2], edges.targets[::2])
    np.testing.assert_array_equal(found.links, count_joint_links(labels, sizes, half).links)
