import numpy as np
import pytest

from benchmarks.unequal import oracle_graph, thinned_rows


def equal_classes(n_classes: int, n_each: int, seed: int) -> np.ndarray:
    labels = np.repeat(np.arange(n_classes, dtype=np.int32), n_each)
    return np.random.default_rng(seed).permutation(labels)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ratio", [2.0, 10.0])
def test_class_sizes_fall_evenly_to_the_ratio(seed: int, ratio: float) -> None:
    labels = equal_classes(5, 200, seed)
    kept = thinned_rows(labels, ratio=ratio, seed=seed)
    sizes = np.sort(np.bincount(labels[kept]))[::-1]
    np.testing.assert_allclose(sizes, 200 * ratio ** -(np.arange(5) / 4), atol=0.5)
    assert (np.diff(kept) > 0).all()


def test_a_ratio_of_one_keeps_all_and_the_seed_decides() -> None:
    labels = equal_classes(4, 30, 0)
    np.testing.assert_array_equal(thinned_rows(labels, ratio=1.0), np.arange(120))
    first, again, other = (thinned_rows(labels, ratio=5.0, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_links_all_of_a_class_and_no_others(seed: int) -> None:
    labels = equal_classes(3, 7, seed)
    graph = oracle_graph(labels)
    for row in range(len(labels)):
        neighbors, _ = graph.row(row)
        expected = np.setdiff1d(np.flatnonzero(labels == labels[row]), [row])
        np.testing.assert_array_equal(neighbors, expected)
