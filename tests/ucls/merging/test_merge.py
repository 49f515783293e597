from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import adjusted_rand_score

from ucls.errors import UsageError
from ucls.merging.agglomeration import agglomerate
from ucls.merging.links import ClusterLinks
from ucls.merging.merge import (
    HEADS_TO_CHOOSE_BY,
    choose_linkage,
    evenness_of,
    merge_head,
    merge_heads,
)
from ucls.types import LINKAGES, Linkage, MergedHead, MergedHeads

Array = npt.NDArray[Any]

EQUAL = [60] * 6
FIVE_TO_ONE = [250, 50, 50, 50, 50, 50]
TWENTY_TO_ONE = [1000, 50, 50, 50, 50, 50]
every_linkage = pytest.mark.parametrize("linkage", LINKAGES)


def merged_labels(heads: Array, merged: MergedHeads, n_clusters: int) -> list[Array]:
    return [head.cut(n_clusters)[labels] for head, labels in zip(merged.heads, heads, strict=True)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [EQUAL, FIVE_TO_ONE, TWENTY_TO_ONE])
def test_heads_that_split_classes_find_them_again(
    sizes: list[int], seed: int, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(sizes, seed=seed)
    heads = split_classes(classes, 18, seed=seed)
    merged = merge_heads(heads, graph, 6, head_clusters=[18] * 3)
    for found in merged_labels(heads, merged, 6):
        assert adjusted_rand_score(classes, found) == 1


@pytest.mark.parametrize(
    ("sizes", "linkage"),
    [(EQUAL, "spectral"), (FIVE_TO_ONE, "diffusion"), (TWENTY_TO_ONE, "diffusion")],
)
def test_what_auto_takes(
    sizes: list[int], linkage: str, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(sizes, astray=0.01)
    n_clusters = len(sizes)
    heads = split_classes(classes, 4 * n_clusters)
    options = {"head_clusters": [4 * n_clusters] * 3}
    merged = merge_heads(heads, graph, n_clusters, **options)
    assert merged.linkage == linkage
    assert set(merged.cut_shares) == {"diffusion", "spectral"}
    assert merged.look_unequal == (linkage != "spectral")
    for found in merged_labels(heads, merged, n_clusters):
        assert adjusted_rand_score(classes, found) == 1
    named = merge_heads(heads, graph, n_clusters, linkage=merged.linkage, **options)
    assert (named.linkage, named.cut_shares, named.look_unequal) == (linkage, {}, False)
    for one, other in zip(merged.heads, named.heads, strict=True):
        np.testing.assert_array_equal(one.tree, other.tree)


@pytest.mark.parametrize(
    ("diffusion", "spectral", "evenness", "linkage"),
    [
        (0.1, 0.16, 0.775, "spectral"),
        (0.1, 0.161, 0.9, "diffusion"),
        (0.1, 0.1, 0.774, "diffusion"),
        (0.0, 0.0, 1.0, "spectral"),
    ],
)
def test_the_rule_behind_auto(
    diffusion: float, spectral: float, evenness: float, linkage: str
) -> None:
    shares: dict[Linkage, float] = {"diffusion": diffusion, "spectral": spectral}
    assert choose_linkage(shares, evenness=evenness) == linkage


@pytest.mark.parametrize(
    ("sizes", "evenness"),
    [([5, 5, 5], 1.0), ([7, 0], 0.5), ([3, 1], 4 / (2 * 3**0.75)), ([0, 0, 9, 9], 0.5)],
)
def test_evenness_is_the_number_of_equal_clusters_that_tell_as_much(
    sizes: list[int], evenness: float
) -> None:
    assert evenness_of(np.array(sizes)) == pytest.approx(evenness)


def test_auto_looks_at_the_first_heads_that_have_more_clusters(
    plant_classes: Any, split_classes: Any
) -> None:
    equal, graph = plant_classes(EQUAL)
    at_size, larger = split_classes(equal, 6), split_classes(equal, 18, n_heads=HEADS_TO_CHOOSE_BY)
    at_random = np.random.default_rng(0).integers(0, 18, (20, len(equal))).astype(np.int32)
    sizes = [6] * 3 + [18] * HEADS_TO_CHOOSE_BY
    expected = merge_heads(larger, graph, 6, head_clusters=sizes[3:]).cut_shares
    heads = np.concatenate([at_size, larger, at_random])
    merged = merge_heads(heads, graph, 6, head_clusters=[*sizes, *([18] * 20)])
    assert merged.cut_shares == pytest.approx(expected)


@pytest.mark.parametrize(("sizes", "linkage"), [(EQUAL, "spectral"), (FIVE_TO_ONE, "diffusion")])
def test_of_many_images_the_heads_links_choose(
    sizes: list[int],
    linkage: str,
    plant_classes: Any,
    split_classes: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ucls.merging.merge.MOST_IMAGES", 299)
    classes, graph = plant_classes(sizes, astray=0.3)
    merged = merge_heads(split_classes(classes, 18, n_heads=1), graph, 6, head_clusters=[18])
    sources = np.repeat(np.arange(graph.n_images), graph.counts)
    expected = np.mean(classes[sources] != classes[graph.indices])
    assert merged.linkage == linkage
    assert merged.cut_shares["diffusion"] == pytest.approx(expected)
    assert merged.cut_shares["spectral"] > 0.999 * expected


@every_linkage
def test_how_clusters_are_numbered_does_not_matter(
    linkage: Linkage, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(FIVE_TO_ONE, astray=0.4)
    (head,) = split_classes(classes, 18, n_heads=1)
    renumbered = np.random.default_rng(1).permutation(18).astype(np.int32)[head]
    heads = np.stack([head, renumbered])
    merged = merge_heads(heads, graph, 6, head_clusters=[18, 18], linkage=linkage)
    one, other = merged_labels(heads, merged, 6)
    assert adjusted_rand_score(one, other) == 1


@every_linkage
def test_empty_clusters_go_nowhere(
    linkage: Linkage, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(EQUAL)
    heads = split_classes(classes, 18, n_heads=1)
    spread = (np.arange(18, dtype=np.int32) + (np.arange(18) >= 7) + (np.arange(18) >= 12))[heads]
    (head,) = merge_heads(
        spread.astype(np.int32), graph, 6, head_clusters=[21], linkage=linkage
    ).heads
    (packed,) = merge_heads(heads, graph, 6, head_clusters=[18], linkage=linkage).heads
    mapping = head.cut(6)
    assert np.flatnonzero(mapping == -1).tolist() == [7, 13, 20]
    assert head.n_filled == 18
    np.testing.assert_array_equal(mapping[mapping >= 0], packed.cut(6))
    np.testing.assert_array_equal(head.tree, packed.tree)


@every_linkage
def test_a_head_with_as_many_clusters_as_wanted_stays_as_it_is(
    linkage: Linkage, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(EQUAL)
    heads = np.concatenate(
        [split_classes(classes, 6, n_heads=1), split_classes(classes, 18, n_heads=1)]
    )
    merged = merge_heads(heads, graph, 6, head_clusters=[6, 18], linkage=linkage)
    assert merged.heads[0].cut(6).tolist() == [0, 1, 2, 3, 4, 5]
    assert np.unique(merged.heads[1].cut(6)).tolist() == [0, 1, 2, 3, 4, 5]


def test_heads_that_need_no_merging_leave_auto_nothing_to_choose_by(
    plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(EQUAL)
    merged = merge_heads(split_classes(classes, 6), graph, 6, head_clusters=[6] * 3)
    assert (merged.linkage, merged.cut_shares, merged.look_unequal) == ("average", {}, False)


def test_a_head_with_fewer_clusters_in_use_than_wanted(plant_classes: Any) -> None:
    classes, graph = plant_classes(EQUAL)
    head = np.minimum(classes, 2).astype(np.int32)[None]
    (merged,) = merge_heads(head, graph, 6, head_clusters=[18]).heads
    assert merged.cut(6)[:4].tolist() == [0, 1, 2, -1]


def test_images_without_a_label(plant_classes: Any, split_classes: Any) -> None:
    classes, graph = plant_classes(EQUAL)
    heads = split_classes(classes, 18, n_heads=1)
    heads[:, ::5] = -1
    merged = merge_heads(heads, graph, 6, head_clusters=[18])
    (found,) = merged_labels(heads, merged, 6)
    known = heads[0] >= 0
    assert adjusted_rand_score(classes[known], found[known]) == 1


def test_spectral_groups_are_what_the_tree_is_cut_into() -> None:
    """Beyond that, its branches are those of average linkage within the groups."""
    rng = np.random.default_rng(0)
    links = rng.random((12, 12)) * 20
    clusters = ClusterLinks(links + links.T, rng.integers(5, 30, 12))
    merged = merge_head(clusters, 4, spectral=True)
    groups = merged.cut(4)
    expected = agglomerate(clusters.occupied(), groups=groups)
    np.testing.assert_array_equal(merged.tree, expected)
    assert not np.array_equal(merged.tree, merge_head(clusters, 4, spectral=False).tree)


def test_a_head_can_be_cut_anywhere(plant_classes: Any, split_classes: Any) -> None:
    classes, graph = plant_classes(EQUAL)
    heads = split_classes(classes, 18, n_heads=1)
    (head,) = merge_heads(heads, graph, 6, head_clusters=[18]).heads
    for k in (2, 3, 6, 11, 18):
        assert np.unique(head.cut(k)).tolist() == list(range(k))


def test_progress_is_told_for_each_head(plant_classes: Any, split_classes: Any) -> None:
    classes, graph = plant_classes(EQUAL)
    told: list[int] = []
    merge_heads(
        split_classes(classes, 18),
        graph,
        6,
        head_clusters=[18] * 3,
        advance=lambda n=1, **_: told.append(n),
    )
    assert sum(told) == 3


@pytest.mark.parametrize(("n_clusters", "clearest"), [(6, None), (4, 6), (8, 6)])
def test_another_number_is_told_where_the_links_are_clear(
    n_clusters: int, clearest: int | None, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(EQUAL, astray=0.0)
    heads = split_classes(classes, 24)
    assert merge_heads(heads, graph, n_clusters, head_clusters=[24] * 3).clearest == clearest


def test_heads_that_share_a_tree_are_numbered_alike(plant_classes: Any, split_classes: Any) -> None:
    classes, graph = plant_classes(TWENTY_TO_ONE)
    heads = np.concatenate([split_classes(classes, 18), split_classes(classes, 6, n_heads=1)])
    merged = merge_heads(heads, graph, 6, head_clusters=[18] * 3 + [6], linkage="diffusion")
    assert merged.numbered_alike([0, 1, 2])
    assert not merged.numbered_alike([0, 3])
    first, *others = merged_labels(heads, merged, 6)[:3]
    assert all(np.array_equal(first, other) for other in others)
    apart = merge_heads(heads, graph, 6, head_clusters=[18] * 3 + [6], linkage="average")
    assert not apart.numbered_alike([0, 1])


def test_a_graph_of_other_images(plant_classes: Any) -> None:
    _, graph = plant_classes(EQUAL)
    with pytest.raises(UsageError, match="360 images of the graph, got those of 10: use the graph"):
        merge_heads(np.zeros((1, 10), np.int32), graph, 2, head_clusters=[4])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"labels": np.zeros(360, np.int32)}, r"a non-empty matrix .*, got shape \(360,\)"),
        ({"labels": np.zeros((1, 360))}, "labels must be integers, got float64"),
        ({"labels": np.full((1, 360), -2, np.int32)}, "got -2"),
        ({"head_clusters": [4, 4]}, "expected head_clusters of 1 head, got 2: give one number"),
        ({"head_clusters": [3]}, "head 0 has labels up to 3, but head_clusters has 3 for it: give"),
        ({"n_clusters": 1}, "n_clusters must be 2 or more, got 1"),
        ({"linkage": "ward"}, "one of auto, diffusion, spectral, average, got 'ward'"),
    ],
)
def test_arguments_that_cannot_be(changed: dict[str, Any], told: str, plant_classes: Any) -> None:
    _, graph = plant_classes(EQUAL)
    labels = np.arange(360, dtype=np.int32)[None] % 4
    given = {"labels": labels, "n_clusters": 2, "head_clusters": [4], **changed}
    with pytest.raises(UsageError, match=told):
        merge_heads(graph=graph, **given)


def test_what_a_merged_head_remembers() -> None:
    tree = np.array([[0.0, 1, 1.5, 2], [2, 3, 4.0, 3]])
    head = MergedHead(np.int32([-1, 0, 1, -1, 2]), tree)
    assert head.cut(2).tolist() == [-1, 1, 1, -1, 0]
    assert head.cut(1).tolist() == [-1, 0, 0, -1, 0]
    assert head.cut(3).tolist() == head.cut(9).tolist() == [-1, 0, 1, -1, 2]
