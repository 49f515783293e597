import numpy as np
import pytest

from ucls.cache.features.slabs import plan_slabs, resolve_rows


@pytest.mark.parametrize("seed", range(5))
def test_slabs_gather_the_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=50)
    rows = rng.integers(0, 50, rng.integers(0, 80))
    gathered = np.full(len(rows), np.nan)
    for slab in plan_slabs(resolve_rows(rows, 50), 8):
        assert 0 < slab.stop - slab.start <= 8
        gathered[slab.into] = values[slab.start : slab.stop][slab.pick]
    np.testing.assert_array_equal(gathered, values[rows])


def test_each_part_of_the_file_is_read_once() -> None:
    rows = np.random.default_rng(0).permutation(50)
    starts = [slab.start for slab in plan_slabs(rows, 8)]
    assert starts == list(range(0, 50, 8))


def test_no_rows() -> None:
    assert list(plan_slabs(resolve_rows(slice(3, 3), 50), 8)) == []
    assert list(plan_slabs(resolve_rows(slice(9, 3), 50), 8)) == []


def test_rows_that_are_far_apart_are_read_alone() -> None:
    rows = np.array([700, 0, 110, 100])
    spans = [(slab.start, slab.stop) for slab in plan_slabs(rows, 1024)]
    assert spans == [(0, 1), (100, 111), (700, 701)]
