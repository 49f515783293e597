import numpy as np
import pytest

from ucls.neighbors import candidates
from ucls.neighbors.candidates import NONE, Candidates, SetRule, Sets, pack, similarity_of, uniform
from ucls.neighbors.search import Block, Vectors

all_seeds = pytest.mark.parametrize("seed", range(3))


def random_similarity(seed: int, n_queries: int = 5, n_images: int = 60) -> Vectors:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1.0, 1.0, (n_queries, n_images)).astype(np.float32)


def collect(similarity: Vectors, rule: SetRule, n_per_block: int) -> tuple[Sets, list[int]]:
    """The sets, and how many candidates there were after each block."""
    chunk, n_found = Candidates(np.arange(len(similarity)), rule), []
    for start in range(0, similarity.shape[1], n_per_block):
        some = similarity[:, start : start + n_per_block].copy()
        block = Block(some, np.arange(start, start + some.shape[1]))
        chunk.look_at(block)
        chunk.add(block)
        n_found.append(sum(map(len, chunk.found)))
    return chunk.sets(), n_found


@all_seeds
@pytest.mark.parametrize("n_per_block", [1, 7, 60])
@pytest.mark.parametrize("spare", [0, 5, 1000])
@pytest.mark.parametrize(
    "rule",
    [SetRule(4, 0.5, 10), SetRule(4, 0.9, 59), SetRule(4, np.inf, 4), SetRule(1, -0.5, 20)],
)
def test_sets_are_those_of_the_whole_row(
    seed: int, n_per_block: int, spare: int, rule: SetRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "SPARE_PER_QUERY", spare)
    similarity = random_similarity(seed)
    sets, _ = collect(similarity, rule, n_per_block)
    n_above = (similarity > rule.threshold).sum(axis=1)
    sizes = n_above.clip(rule.k, rule.limit)
    for row, size, found in zip(
        similarity, sizes, np.split(sets.images, sets.counts.cumsum()[:-1]), strict=True
    ):
        np.testing.assert_array_equal(found, np.argsort(-row)[:size])
    assert sets.counts.tolist() == sizes.tolist()
    assert sets.capped.tolist() == (n_above > rule.limit).tolist()
    rows = np.arange(len(similarity)).repeat(sets.counts)
    expected = similarity[rows, sets.images].astype(np.float16)
    np.testing.assert_array_equal(sets.similarity, expected)


def test_few_candidates_are_kept_while_most_are_above_the_threshold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "SPARE_PER_QUERY", 10)
    _, n_found = collect(random_similarity(0, n_images=2000), SetRule(2, -1.0, 4), 10)
    assert max(n_found) <= 5 * (4 + 10)


@all_seeds
def test_uniform_is_uniform_and_independent_of_the_order(seed: int) -> None:
    keys = np.arange(20_000)
    drawn = uniform(keys, seed)
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    shares = np.histogram(drawn, bins=10, range=(0.0, 1.0))[0] / len(keys)
    assert np.abs(shares - 0.1).max() < 5 * (0.09 / len(keys)) ** 0.5
    np.testing.assert_array_equal(uniform(keys[::-1], seed)[::-1], drawn)
    assert (uniform(keys, seed + 1) != drawn).mean() > 0.99
    neighbors = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    assert abs(neighbors) < 5 / len(keys) ** 0.5


@all_seeds
def test_packed_candidates_sort_by_falling_similarity_then_by_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.float32([-np.inf, -1.0, -0.25, -1e-40, -0.0, 0.0, 1e-40, 0.25, 1.0, 1.0000001])
    similarity, images = rng.choice(values, 200), rng.permutation(200) + 2**30
    keys = pack(similarity, images)
    np.testing.assert_array_equal(similarity_of(keys), similarity)
    np.testing.assert_array_equal(keys.argsort(), np.lexsort([images, -similarity]))
    assert (keys < NONE).all()
