import numpy as np
import pytest
from numpy.typing import NDArray

from ucls.counting.factors import find_factor
from ucls.counting.suggestion import suggest_n_clusters


def crossed(
    sizes: tuple[int, ...], seed: int, n: int = 600, width: int = 24
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Features [n, width] of factors of these sizes, and the cluster that each row is of."""
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, size, n) for size in sizes]
    strengths = (10.0, 7.0, 5.0)
    blocks = [s * np.eye(k)[v] for s, k, v in zip(strengths, sizes, values, strict=False)]
    noise = rng.normal(size=(n, width))
    noise[:, : sum(sizes)] += np.concatenate(blocks, axis=1)
    turned = np.linalg.qr(rng.normal(size=(width, width)))[0]
    clusters = np.ravel_multi_index(values, sizes).astype(np.int32)
    return (noise @ turned).astype(np.float32), clusters


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sizes", [(4, 3), (3, 2), (2, 2), (4, 3, 2)])
def test_the_size_of_a_factor_is_found(sizes: tuple[int, ...], seed: int) -> None:
    features, clusters = crossed(sizes, seed)
    factor = find_factor(features, clusters)
    assert factor is not None
    assert factor.size in sizes
    n_others = int(np.prod(sizes)) // factor.size
    assert sorted(set(factor.others.tolist())) == list(range(n_others))
    # Each value of the others occurs once with each value of the factor.
    assert np.bincount(factor.others).tolist() == [factor.size] * n_others
    values = np.array(np.unravel_index(np.arange(int(np.prod(sizes))), sizes))
    is_same = factor.others[:, None] == factor.others
    assert any(
        np.array_equal(
            is_same,
            (np.delete(values, axis, 0)[:, :, None] == np.delete(values, axis, 0)[:, None]).all(0),
        )
        for axis, size in enumerate(sizes)
        if size == factor.size
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [2, 3, 4, 6, 7, 12])
def test_clusters_of_one_factor_are_not_crossed(size: int, seed: int) -> None:
    assert find_factor(*crossed((size,), seed)) is None
    rng = np.random.default_rng(seed)
    clusters = (rng.permutation(600) % size).astype(np.int32)
    anywhere = 8 * rng.normal(size=(size, 24))[clusters] + rng.normal(size=(600, 24))
    assert find_factor(anywhere, clusters) is None


@pytest.mark.slow
def test_a_suggestion_is_of_one_factor_where_that_is_asked_for() -> None:
    features, _ = crossed((3, 2), 0)
    centred = features - features.mean(axis=0)
    assert suggest_n_clusters(centred).n_clusters == 6
    found = suggest_n_clusters(centred, of_one_factor=True)
    assert found.n_clusters in (2, 3)
    assert found.next_best[0] == 6
    assert found.other_factors is not None
    assert np.bincount(found.other_factors).shape == (6 // found.n_clusters,)
