import pytest
import torch

from ucls.neighbors import candidates
from ucls.neighbors.candidates import HOLE, Candidates, SetRule, largest, uniform
from ucls.neighbors.search import Block

all_seeds = pytest.mark.parametrize("seed", range(3))


def random_similarity(seed: int, n_queries: int = 5, n_images: int = 60) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(n_queries, n_images, generator=generator) - 1.0


def collect(similarity: torch.Tensor, rule: SetRule, n_per_block: int) -> Candidates:
    chunk = Candidates(torch.arange(len(similarity)), rule)
    for images in torch.arange(similarity.shape[1]).split(n_per_block):
        chunk.add(Block(similarity[:, images], images))
    return chunk


@all_seeds
@pytest.mark.parametrize("n_per_block", [1, 7, 60])
@pytest.mark.parametrize("spare", [0, 5, 1000])
@pytest.mark.parametrize(
    "rule",
    [SetRule(4, 0.5, 10), SetRule(4, 0.9, 59), SetRule(4, torch.inf, 4), SetRule(1, -0.5, 20)],
)
def test_sets_are_those_of_the_whole_row(
    seed: int, n_per_block: int, spare: int, rule: SetRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "SPARE_PER_QUERY", spare)
    similarity = random_similarity(seed)
    sets = collect(similarity, rule, n_per_block).sets()
    n_above = (similarity > rule.threshold).sum(dim=1)
    expected = [
        row.argsort(descending=True)[:size].tolist()
        for row, size in zip(similarity, n_above.clamp(rule.k, rule.limit), strict=True)
    ]
    found = [part.tolist() for part in sets.images.split(sets.counts.tolist())]
    assert found == expected
    assert sets.capped.tolist() == (n_above > rule.limit).tolist()
    rows = torch.arange(len(similarity)).repeat_interleave(sets.counts)
    assert sets.similarity.tolist() == similarity[rows, sets.images].tolist()


def test_few_candidates_are_kept_while_most_are_above_the_threshold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "SPARE_PER_QUERY", 10)
    chunk = Candidates(torch.arange(5), SetRule(2, -1.0, 4))
    similarity = random_similarity(0, n_images=2000)
    n_found = []
    for images in torch.arange(2000).split(10):
        chunk.add(Block(similarity[:, images], images))
        n_found.append(sum(len(part.queries) for part in chunk.found))
    assert max(n_found) <= 5 * (4 + 10)


@all_seeds
def test_uniform_is_uniform_and_independent_of_the_order(seed: int) -> None:
    keys = torch.arange(20_000)
    drawn = uniform(keys, seed)
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    shares = torch.histc(drawn, bins=10, min=0.0, max=1.0) / len(keys)
    assert (shares - 0.1).abs().max() < 5 * (0.09 / len(keys)) ** 0.5
    torch.testing.assert_close(uniform(keys.flip(0), seed).flip(0), drawn, rtol=0, atol=0)
    assert (uniform(keys, seed + 1) != drawn).float().mean() > 0.99
    neighbors = torch.corrcoef(torch.stack([drawn[:-1], drawn[1:]]))[0, 1]
    assert abs(float(neighbors)) < 5 / len(keys) ** 0.5


@all_seeds
@pytest.mark.parametrize("n", [1, 4, 9, 12])
def test_of_equal_priorities_the_first_images_come_first(seed: int, n: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    priority = torch.randint(0, 4, (30, 12), generator=generator) / 2.0
    priority[:10] = torch.rand(10, 12, generator=generator)
    priority[20:, :3] = HOLE
    images = torch.rand(30, 12, generator=generator).argsort(dim=1).int()
    found, order = largest(priority, images, n)
    torch.testing.assert_close(found, priority.gather(1, order), rtol=0, atol=0)
    for row in range(30):
        ranked = sorted(range(12), key=lambda i: (-priority[row, i], images[row, i]))
        used = [i for i in ranked if priority[row, i] > HOLE][:n]
        assert order[row, : len(used)].tolist() == used
