from itertools import product
from typing import get_args

import numpy as np
import pytest
import torch

from ucls.training.sampling import NeighborSampler
from ucls.training.views import ViewKind, ViewSampler
from ucls.types import NeighborGraph

NEIGHBORS = [[1, 2, 3, 4], [0], [4, 0, 1], [2, 1], [3, 0, 2, 1]]
VIEWS = 4
KINDS = get_args(ViewKind)
RANDOM = [kind for kind in KINDS if kind != "itself"]

all_seeds = pytest.mark.parametrize("seed", range(3))
all_kinds = pytest.mark.parametrize("kind", KINDS)


def tagged_features(n_views: int) -> torch.Tensor:
    """Features [V, N, 2] that say which view of which image they are."""
    pairs = torch.cartesian_prod(torch.arange(n_views), torch.arange(len(NEIGHBORS)))
    return pairs.view(n_views, len(NEIGHBORS), 2).float()


def new_sampler(kind: ViewKind, n_views: int = VIEWS) -> ViewSampler:
    indices = np.concatenate(NEIGHBORS).astype(np.int32)
    graph = NeighborGraph(
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in NEIGHBORS])]).astype(np.int64),
        indices=indices,
        similarity=np.ones(len(indices), dtype=np.float16),
        k=1,
        threshold=0.0,
        cap=None,
        n_capped=0,
        backend="faiss",
        exact=True,
    )
    neighbors = NeighborSampler(graph, torch.device("cpu"))
    return ViewSampler(tagged_features(n_views), neighbors, kind=kind)


def draw(
    kind: ViewKind, rows: torch.Tensor, n_partners: int, seed: int, n_views: int = VIEWS
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return new_sampler(kind, n_views).draw(rows, n_partners, generator)


def allowed(kind: ViewKind, row: int) -> list[tuple[int, int]]:
    """The partners of an image, as pairs of view and image."""
    augmented = range(1, VIEWS)
    return {
        "neighbor": [(0, image) for image in NEIGHBORS[row]],
        "augmented": [(view, row) for view in augmented],
        "both": list(product(augmented, NEIGHBORS[row])),
        "itself": [(0, row)],
    }[kind]


@all_seeds
@all_kinds
def test_partners_are_what_was_asked_for_and_all_of_it(seed: int, kind: ViewKind) -> None:
    rows = torch.tensor([3, 0, 1, 4, 2, 0])
    views = draw(kind, rows, 300, seed)
    for place, row in enumerate(rows.tolist()):
        found = {tuple(tag) for tag in views[1:, place].int().tolist()}
        assert found == set(allowed(kind, row))


@all_seeds
@all_kinds
@pytest.mark.parametrize("shape", [(6,), (1,), (3, 5), (1, 2)], ids=str)
@pytest.mark.parametrize("n_partners", [1, 4])
def test_the_first_view_is_the_plain_image(
    seed: int, kind: ViewKind, shape: tuple[int, ...], n_partners: int
) -> None:
    rows = torch.randint(5, shape, generator=torch.Generator().manual_seed(seed))
    views = draw(kind, rows, n_partners, seed)
    assert views.shape == (1 + n_partners, *shape, 2)
    assert torch.equal(views[0], torch.stack([torch.zeros(shape), rows.float()], dim=-1))


@all_seeds
@all_kinds
def test_each_place_of_own_rows_gets_partners_of_its_image(seed: int, kind: ViewKind) -> None:
    rows = torch.randint(5, (4, 6), generator=torch.Generator().manual_seed(seed))
    views = draw(kind, rows, 3, seed)
    for head, place in product(range(4), range(6)):
        partners = {tuple(tag) for tag in views[1:, head, place].int().tolist()}
        assert partners <= set(allowed(kind, int(rows[head, place])))


@all_seeds
@all_kinds
def test_own_rows_are_drawn_for_as_so_many_rows(seed: int, kind: ViewKind) -> None:
    rows = torch.randint(5, (4, 6), generator=torch.Generator().manual_seed(seed))
    views = draw(kind, rows, 3, seed)
    assert torch.equal(views.flatten(1, 2), draw(kind, rows.flatten(), 3, seed))


@all_seeds
@pytest.mark.parametrize("kind", RANDOM)
@pytest.mark.parametrize("row", [0, 2])
def test_partners_are_drawn_uniformly(seed: int, kind: ViewKind, row: int) -> None:
    n_draws = 30_000
    tags = draw(kind, torch.full((n_draws // 3,), row), 3, seed)[1:].flatten(0, 1).long()
    counts = torch.bincount(tags[:, 0] * len(NEIGHBORS) + tags[:, 1], minlength=VIEWS * 5)
    pairs = allowed(kind, row)
    shares = counts[[view * len(NEIGHBORS) + image for view, image in pairs]] / n_draws
    share = 1 / len(pairs)
    assert float(shares.sum()) == pytest.approx(1.0)
    assert (shares - share).abs().max() < 5 * (share * (1 - share) / n_draws) ** 0.5


@all_seeds
@pytest.mark.parametrize("kind", RANDOM)
def test_partners_are_drawn_independently(seed: int, kind: ViewKind) -> None:
    n_images = 4000
    first, second = draw(kind, torch.full((n_images,), 2), 2, seed)[1:]
    share = 1 / len(allowed(kind, 2))
    bound = 5 * (share * (1 - share) / n_images) ** 0.5
    for one, other in ((first, second), (first[1:], first[:-1])):
        same = float((one == other).all(dim=1).float().mean())
        assert same == pytest.approx(share, abs=bound)


@pytest.mark.parametrize("kind", RANDOM)
def test_the_generator_makes_the_draw(kind: ViewKind) -> None:
    rows = torch.tensor([0, 2, 4] * 5)
    assert torch.equal(draw(kind, rows, 4, 0), draw(kind, rows, 4, 0))
    assert not torch.equal(draw(kind, rows, 4, 0), draw(kind, rows, 4, 1))


def test_the_image_itself_needs_no_draw() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    new_sampler("itself").draw(torch.arange(5), 3, generator)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("kind", ["neighbor", "itself"])
def test_plain_partners_need_no_augmented_views(kind: ViewKind) -> None:
    rows = torch.tensor([0, 2, 4])
    assert torch.equal(draw(kind, rows, 2, 0, n_views=1), draw(kind, rows, 2, 0))


@all_kinds
def test_drawing_leaves_the_features_as_they_are(kind: ViewKind) -> None:
    sampler = new_sampler(kind)
    views = sampler.draw(torch.arange(5), 3, torch.Generator().manual_seed(0))
    views.fill_(-1.0)
    assert torch.equal(sampler.features, tagged_features(VIEWS))
