import numpy as np
import pytest

from ucls.neighbors.equal_rows import find_equal_rows


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n_features", [1, 5, 40])
@pytest.mark.parametrize("seed", range(3))
def test_equal_rows_are_those_of_numpy(seed: int, n_features: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    features = rng.integers(-1, 2, (60, n_features)).astype(dtype)
    features[rng.integers(0, 60, 20)] = features[0]
    equal = find_equal_rows(features)
    assert equal is not None
    _, firsts, row_of, sizes = np.unique(
        features, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    order = firsts.argsort()
    assert equal.firsts.tolist() == firsts[order].tolist()
    assert equal.sizes.tolist() == sizes[order].tolist()
    assert equal.row_of.tolist() == order.argsort()[row_of.ravel()].tolist()
    for row, (start, size) in enumerate(zip(equal.starts, equal.sizes, strict=True)):
        expected = np.flatnonzero(equal.row_of == row)
        assert equal.members[start : start + size].tolist() == expected.tolist()


def test_zero_has_two_signs_and_rows_that_differ_anywhere_are_different() -> None:
    features = np.zeros((4, 100), np.float32)
    features[1] = -0.0
    features[2, 37], features[3, 38] = 1.0, 1.0
    equal = find_equal_rows(features)
    assert equal is not None
    assert equal.row_of.tolist() == [0, 0, 1, 2]
    assert find_equal_rows(features[1:]) is None
