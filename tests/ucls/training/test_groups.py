import numpy as np
import pytest

from ucls.training.groups import group_seed, group_sizes, join_heads, join_tensors


@pytest.mark.parametrize("n_heads", [1, 2, 7, 16, 48])
@pytest.mark.parametrize("at_once", [1, 3, 4, 50])
def test_groups_are_few_and_even(n_heads: int, at_once: int) -> None:
    sizes = group_sizes(n_heads, at_once)
    assert sum(sizes) == n_heads
    assert at_once >= sizes[0] >= sizes[-1] >= max(1, sizes[0] - 1)
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == int(np.ceil(n_heads / at_once))


def test_groups_have_seeds_of_their_own_and_the_first_has_the_runs() -> None:
    assert [group_seed(seed, 0) for seed in range(5)] == list(range(5))
    seeds = {group_seed(seed, group) for seed in range(20) for group in range(20)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert group_seed(3, 2) == group_seed(3, 2)


def test_what_lies_before_the_heads_is_shared_and_the_heads_follow_each_other() -> None:
    rng = np.random.default_rng(0)
    shared = {
        "axes": rng.normal(size=(4, 2)),
        "batch_norm.running_mean": rng.normal(size=4),
        "batch_norm.num_batches_tracked": np.array(0),
    }
    groups = [
        {"heads.weight": rng.normal(size=(3 * n, 2)), "heads.bias": rng.normal(size=n), **shared}
        for n in (2, 1, 1)
    ]
    joined = join_tensors(groups)
    assert joined.keys() == groups[0].keys()
    for name, value in shared.items():
        np.testing.assert_array_equal(joined[name], value)
    for name in ("heads.weight", "heads.bias"):
        expected = np.concatenate([group[name] for group in groups])
        np.testing.assert_array_equal(joined[name], expected)


@pytest.mark.parametrize("sizes", [(4,), (4, 12), (2, 4, 8)])
@pytest.mark.parametrize("shape", [(), (5,)])
def test_heads_of_the_first_size_come_first(sizes: tuple[int, ...], shape: tuple[int, ...]) -> None:
    def heads(numbers: range) -> np.ndarray:
        """Each head says its size and its number."""
        said = np.array([100 * size + number for size in sizes for number in numbers])
        return np.broadcast_to(said.reshape(-1, *(1 for _ in shape)), (len(said), *shape))

    groups = [heads(range(3)), heads(range(3, 5)), heads(range(5, 6))]
    np.testing.assert_array_equal(join_heads(groups, len(sizes)), heads(range(6)))
