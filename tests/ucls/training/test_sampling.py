import numpy as np
import pytest
import torch

from ucls.errors import UsageError
from ucls.training.sampling import NeighborSampler
from ucls.types import NeighborGraph

CPU = torch.device("cpu")
ROWS = [[1, 2, 3, 4], [0], [4, 0, 1], [2, 1], [3, 0, 2, 1]]


def graph_of(rows: list[list[int]]) -> NeighborGraph:
    indices = np.concatenate(rows).astype(np.int32)
    return NeighborGraph(
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        indices=indices,
        similarity=np.ones(len(indices), dtype=np.float16),
        k=1,
        threshold=0.0,
        cap=None,
        n_capped=0,
        backend="faiss",
        exact=True,
    )


def draw(seed: int, rows: list[int], n_neighbors: int) -> torch.Tensor:
    sampler = NeighborSampler(graph_of(ROWS), CPU)
    return sampler.draw(torch.tensor(rows), n_neighbors, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(3))
def test_draws_from_the_own_set_only_and_all_of_it(seed: int) -> None:
    drawn = draw(seed, [3, 0, 1, 4, 2, 0], 200)
    assert drawn.shape == (6, 200)
    assert drawn.dtype == torch.int64
    for row, neighbors in zip([3, 0, 1, 4, 2, 0], drawn, strict=True):
        assert set(neighbors.tolist()) == set(ROWS[row])


@pytest.mark.parametrize("seed", range(3))
def test_draws_uniformly(seed: int) -> None:
    n_draws = 40_000
    drawn = draw(seed, [0, 2], n_draws)
    for row, neighbors in zip([0, 2], drawn, strict=True):
        shares = torch.bincount(neighbors, minlength=5)[ROWS[row]] / n_draws
        spread = 5 * (1 / len(ROWS[row]) / n_draws) ** 0.5
        assert (shares - 1 / len(ROWS[row])).abs().max() < spread


def test_images_and_neighbors_are_drawn_independently() -> None:
    drawn = draw(0, [0] * 2000, 2)
    together = (drawn[:, 0] == drawn[:, 1]).float().mean()
    assert together == pytest.approx(1 / 4, abs=0.06)
    assert (drawn[:-1, 0] == drawn[1:, 0]).float().mean() == pytest.approx(1 / 4, abs=0.06)


def test_the_generator_makes_the_draw() -> None:
    assert torch.equal(draw(0, [0, 2, 4], 20), draw(0, [0, 2, 4], 20))
    assert not torch.equal(draw(0, [0, 2, 4], 20), draw(1, [0, 2, 4], 20))


def test_an_image_without_neighbors_is_refused() -> None:
    with pytest.raises(UsageError, match="every image needs a neighbour"):
        NeighborSampler(graph_of([[1], [], [0]]), CPU)
