import numpy as np
import pytest

from tests.conftest import Lines
from ucls.merging import division
from ucls.merging.division import NEAREST, divide, divide_and_join, fill_empty, links_of
from ucls.merging.links import nearest_edges
from ucls.neighbors import build_neighbors
from ucls.progress import MUTE
from ucls.types import Labels, NeighborGraph

SIZES = (60, 50, 12, 9)


def groups(*, seed: int = 0, sizes: tuple[int, ...] = SIZES) -> tuple[NeighborGraph, Labels]:
    """Images around the corners of a simplex, and the corner of each."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(np.int32)
    rows = np.eye(len(sizes), 8)[truth] + 0.1 * rng.normal(size=(len(truth), 8))
    return build_neighbors(rows.astype(np.float32), k=10, threshold=0.99), truth


def is_same(labels: Labels, truth: Labels) -> bool:
    return len(np.unique(labels * len(truth) + truth)) == len(np.unique(truth))


@pytest.mark.parametrize("seed", range(3))
def test_lumped_classes_are_told_apart(seed: int, lines: Lines) -> None:
    graph, truth = groups(seed=seed)
    lumped = np.array([0, 1, 3, 3], np.int32)[truth]
    filled = fill_empty(lumped, graph, n_clusters=4, reporter=lines)
    assert is_same(filled, truth)
    assert lines.said == [
        "self-train: 1 cluster was empty: 9 images of clusters that fall apart go there"
    ]
    assert (fill_empty(lumped, graph, n_clusters=4, reporter=MUTE) == filled).all()


def test_several_are_filled_one_after_the_other(lines: Lines) -> None:
    graph, truth = groups()
    filled = fill_empty(np.zeros_like(truth), graph, n_clusters=4, reporter=lines)
    assert is_same(filled, truth)
    (line,) = lines.said
    assert line.startswith("self-train: 3 clusters were empty: ")


def test_nothing_changes_where_none_is_empty(lines: Lines) -> None:
    graph, truth = groups()
    other = truth[::-1].copy()
    assert (fill_empty(other, graph, n_clusters=4, reporter=lines) == other).all()
    assert lines.said == []


def test_missing_images_stay_missing() -> None:
    graph, truth = groups()
    lumped = np.where(truth == 2, 3, truth).astype(np.int32)
    lumped[::7] = -1
    filled = fill_empty(lumped, graph, n_clusters=4, reporter=MUTE)
    assert (filled[::7] == -1).all()
    assert set(filled[filled >= 0]) == {0, 1, 2, 3}


def test_clusters_of_single_images_cannot_be_divided(lines: Lines) -> None:
    graph, truth = groups()
    labels = np.arange(len(truth), dtype=np.int32)
    filled = fill_empty(labels, graph, n_clusters=len(truth) + 2, reporter=lines)
    assert (filled == labels).all()
    assert lines.said == []


@pytest.mark.parametrize("small", [2, 10**6])
def test_the_cut_is_the_normalised_one(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(division, "SMALL", small)
    graph, truth = groups(sizes=(15, 9))
    found = divide(np.arange(24), links_of(graph), least=2)
    assert found is not None
    assert found.part.tolist() == np.flatnonzero(truth == 1).tolist()
    is_part, edges = truth == 1, nearest_edges(graph, nearest=NEAREST)
    between = (is_part[edges.sources] != is_part[edges.targets]).sum()
    volumes = [
        (side[edges.sources].sum() + side[edges.targets].sum()) + 1e-3 * side.sum()
        for side in (is_part, ~is_part)
    ]
    assert between > 0
    assert found.cut == pytest.approx(sum(between / volume for volume in volumes), rel=1e-6)


def test_parts_are_no_smaller_than_asked() -> None:
    graph, _ = groups(sizes=(20, 3))
    links = links_of(graph)
    assert divide(np.arange(23), links, least=12) is None
    found = divide(np.arange(23), links, least=5)
    assert found is not None
    assert len(found.part) >= 5


@pytest.mark.parametrize("seed", range(3))
def test_a_torn_class_and_two_lumped_ones_are_mended(seed: int, lines: Lines) -> None:
    graph, truth = groups(seed=seed)
    torn = np.array([0, 1, 3, 3], np.int32)[truth]
    largest = np.flatnonzero(truth == 0)
    torn[largest[: len(largest) // 3]] = 2
    mended = divide_and_join(torn, graph, n_clusters=4, reporter=lines)
    assert is_same(mended, truth)
    (line,) = lines.said
    assert line.startswith("self-train: 1 cluster that falls apart divided, as many that hardly do")
    assert f"{(mended != torn).mean():.1%} of the images move" in line
    assert (divide_and_join(torn, graph, n_clusters=4, reporter=MUTE) == mended).all()


def test_a_part_may_join_another_cluster(lines: Lines) -> None:
    graph, truth = groups()
    wrong = truth.copy()
    wrong[np.flatnonzero(truth == 0)[:15]] = 1
    mended = divide_and_join(wrong, graph, n_clusters=4, reporter=lines)
    assert is_same(mended, truth)


def test_right_clusters_stay(lines: Lines) -> None:
    graph, truth = groups()
    assert (divide_and_join(truth, graph, n_clusters=4, reporter=lines) == truth).all()
    assert lines.said == []


def test_there_are_as_many_clusters_as_before() -> None:
    rng = np.random.default_rng(0)
    graph, truth = groups()
    labels = rng.integers(-1, 5, len(truth)).astype(np.int32)
    changed = divide_and_join(labels, graph, n_clusters=5, reporter=MUTE)
    assert ((changed == -1) == (labels == -1)).all()
    assert set(changed[changed >= 0]) == set(range(5))


@pytest.mark.parametrize("n_images", [40, 150])
def test_groups_without_any_link_are_told_apart(n_images: int) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3, dtype=np.int32), n_images)
    rows = 100 * np.eye(3, 8)[truth] + rng.normal(size=(len(truth), 8))
    graph = build_neighbors(rows.astype(np.float32), k=10, threshold=0.9999999)
    found = divide(np.flatnonzero(truth < 2), links_of(graph), least=2)
    assert found is not None
    assert found.cut == 0
    filled = fill_empty(np.maximum(truth, 1), graph, n_clusters=3, reporter=MUTE)
    assert is_same(filled, truth)


def test_links_of_a_part_are_counted_as_those_of_all() -> None:
    graph, truth = groups()
    labels = truth.copy()
    labels[::9] = -1
    links, part = links_of(graph), np.flatnonzero(labels == 1)[:20]
    before = division._between_clusters(labels, links, 4)
    parted = division._parted(before, labels, links, part=part, number=1)
    labels[part] = 4
    np.testing.assert_array_equal(parted, division._between_clusters(labels, links, 5))
    np.testing.assert_array_equal(before, before.T)
