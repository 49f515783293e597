from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ucls.neighbors.build import build_neighbors
from ucls.neighbors.duplicates import (
    NEARLY_SAME,
    chance_threshold,
    duplicate_threshold,
    find_duplicates,
)
from ucls.tables import RowTable

Array = npt.NDArray[np.float32]


def natural(n: int, seed: int, width: int = 32) -> Array:
    """Centred features [n, width] in eight clusters of different density."""
    rng = np.random.default_rng(seed)
    corners, spreads = rng.normal(size=(8, width)), rng.uniform(0.15, 0.6, 8)
    clusters = rng.integers(8, size=n)
    features = corners[clusters] + spreads[clusters, None] * rng.normal(size=(n, width))
    return (features - features.mean(axis=0)).astype(np.float32)


def with_copies(features: Array, rows: npt.NDArray[np.int64], noise: float, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    copies = features[rows] + noise * rng.normal(size=features[rows].shape).astype(np.float32)
    return np.concatenate([features, copies])


def digits(seed: int) -> Array:
    """300 different digits, as they are: all cosines are high."""
    from sklearn.datasets import load_digits

    images = load_digits().data.astype(np.float32)
    return images[np.random.default_rng(seed).choice(len(images), 300, replace=False)]


def crops(seed: int) -> Array:
    """300 different crops of a smooth field, centred."""
    return _centred(_crops(seed, smoothness=3.0))


def before_skies(seed: int) -> Array:
    """300 different crops of a rough field, of which 30 lie faintly over a bright slope."""
    found = _crops(seed, smoothness=1.0)
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    parts = np.random.default_rng(seed).normal([1.5, 0.8, 0.0], 0.3, (30, 3))
    found[:30] = 0.5 * found[:30] + np.tensordot(parts, [np.ones_like(y), y, x], axes=1)
    return _centred(found)


def _crops(seed: int, smoothness: float) -> Array:
    """300 squares [300, 16, 16] that do not overlap."""
    from scipy.ndimage import gaussian_filter

    field = np.random.default_rng(seed).normal(size=(320, 320))
    field = gaussian_filter(field, smoothness, mode="wrap")
    squares = (field / field.std()).reshape(20, 16, 20, 16).swapaxes(1, 2).reshape(-1, 16, 16)
    return squares[:300].astype(np.float32)


def _centred(images: Array) -> Array:
    flat = images.reshape(len(images), -1)
    return flat - flat.mean(axis=0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("images", [digits, crops, before_skies])
def test_different_images_are_no_near_duplicates_but_noised_copies_are(
    images: Callable[[int], Array], seed: int
) -> None:
    features = images(seed)
    graph = build_neighbors(features, k=10, threshold=1)
    assert len(find_duplicates(features, graph, duplicate_threshold(features, graph)).rows) == 0
    rows = np.random.default_rng(seed).choice(300, 20, replace=False)
    copied = with_copies(features, rows, 0.01 * float(features.std()), seed)
    graph = build_neighbors(copied, k=10, threshold=1)
    found = find_duplicates(copied, graph, duplicate_threshold(copied, graph))
    pairs = {*map(tuple, found.rows.reshape(-1, 2).tolist())}
    assert pairs == {*zip(rows.tolist(), range(300, 320), strict=True)}


def test_neither_bound_alone_is_enough() -> None:
    skies, raw = before_skies(0), digits(0)
    by_sky, by_digit = (build_neighbors(one, k=10, threshold=1) for one in (skies, raw))
    assert len(find_duplicates(skies, by_sky, chance_threshold(skies, by_sky)).rows) >= 20
    assert len(find_duplicates(raw, by_digit, NEARLY_SAME).rows) > 0


def test_features_are_looked_at_only_where_some_are_near_enough() -> None:
    def fail(_: object) -> Array:
        raise AssertionError("features were read")

    features = before_skies(0)
    graph = build_neighbors(features, k=10, threshold=1)
    unread = RowTable(fail, features.shape, np.float32)
    assert duplicate_threshold(unread, graph) == NEARLY_SAME
    with pytest.raises(AssertionError, match="were read"):
        duplicate_threshold(unread, replace(graph, similarity=graph.similarity + np.float16(0.05)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.05, 0.6])
def test_planted_near_duplicates_are_found_and_no_others(seed: int, share: float) -> None:
    originals = natural(800, seed)
    rows = np.random.default_rng(seed).choice(800, int(share * 800), replace=False)
    features = with_copies(originals, rows, 0.02, seed)
    graph = build_neighbors(features, k=10, threshold=1)
    threshold = chance_threshold(features, graph, seed=seed)
    found = find_duplicates(features, graph, threshold)
    pairs = found.rows.reshape(-1, 2)
    planted = {*zip(rows.tolist(), range(800, 800 + len(rows)), strict=True)}
    assert {*map(tuple, pairs.tolist())} == planted
    assert (found.similarity >= threshold).all()
    assert (found.first_copy == -1).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("width", [8, 32, 128])
def test_none_are_found_where_there_are_none(seed: int, width: int) -> None:
    features = natural(1000, seed, width)
    graph = build_neighbors(features, k=10, threshold=1)
    found = find_duplicates(features, graph, chance_threshold(features, graph))
    assert len(found.rows) <= 2


def test_exact_copies_name_the_first_and_large_groups_hold_together() -> None:
    features = with_copies(natural(300, 0), np.array([7] * 30 + [9]), 0.0, 0)
    graph = build_neighbors(features, k=10, threshold=1)
    found = find_duplicates(features, graph, chance_threshold(features, graph))
    assert found.groups.tolist() == [0] * 31 + [1] * 2
    assert found.rows.tolist() == [7, *range(300, 330), 9, 330]
    assert found.first_copy.tolist() == [-1, *[7] * 30, -1, 9]
    assert (found.similarity == 1.0).all()


def test_a_chain_of_similar_images_is_a_group_and_the_most_similar_comes_first() -> None:
    angles = np.array([0.0, 0.1, 0.2, 1.5, 1.55, 3.0, 4.0])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    graph = build_neighbors(features, k=3, threshold=1)
    found = find_duplicates(features, graph, float(np.cos(0.11)))
    assert found.rows.tolist() == [3, 4, 0, 1, 2]
    assert found.groups.tolist() == [0, 0, 1, 1, 1]
    np.testing.assert_allclose(found.similarity, np.cos([0.05, 0.05, 0.1, 0.1, 0.1]), atol=1e-6)


def test_half_precision_of_the_graph_loses_no_pair() -> None:
    rng = np.random.default_rng(0)
    features = (10 + 0.05 * rng.normal(size=(200, 16))).astype(np.float32)
    graph = build_neighbors(features, k=199, threshold=1)
    unit = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float64)
    cosine = np.triu(unit @ unit.T, 1)
    largest = np.sort(cosine[cosine > 0])[-300:]
    place = np.diff(largest).argmax()  # where rounding decides nothing
    threshold = float(largest[place : place + 2].mean())
    expected = np.unique(np.argwhere(cosine >= threshold))
    found = find_duplicates(features, graph, threshold)
    assert sorted(found.rows.tolist()) == expected.tolist()


def test_equal_images_alone_leave_only_copies() -> None:
    features = np.repeat(np.eye(2, 4, dtype=np.float32), 6, axis=0)
    graph = build_neighbors(features, k=4, threshold=1)
    threshold = chance_threshold(features, graph)
    assert threshold == NEARLY_SAME
    assert len(find_duplicates(features, graph, threshold).rows) == 12
