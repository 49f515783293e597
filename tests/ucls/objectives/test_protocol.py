import pytest
import torch

from ucls.heads.mlp import MlpHeads
from ucls.objectives.protocol import Epoch, by_view, each_image_once

all_seeds = pytest.mark.parametrize("seed", range(3))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def new_epoch(seed: int, n_images: int) -> Epoch:
    return Epoch(n_images, 0.0, seeded(seed), lambda: pytest.fail("nothing is to be predicted"))


@pytest.mark.parametrize("n_views", [1, 2, 4])
def test_logits_are_taken_apart_by_view(n_views: int) -> None:
    n_heads, n_images, n_clusters = 3, 5, 2
    logits = torch.arange(n_heads * n_views * n_images * n_clusters).view(n_heads, -1, n_clusters)
    views = by_view(logits, n_views)
    assert views.shape == (n_views, n_heads, n_images, n_clusters)
    for view in range(n_views):
        for head in range(n_heads):
            rows = slice(view * n_images, (view + 1) * n_images)
            assert torch.equal(views[view, head], logits[head, rows])


@all_seeds
def test_views_in_one_pass_equal_a_pass_for_each(seed: int) -> None:
    heads = MlpHeads(3, 5, (4, 7), hidden_dim=8, bottleneck_dim=4, generator=seeded(seed))
    views = torch.randn(3, 6, 5, generator=seeded(seed + 10))
    together = by_view(heads(views.flatten(0, 1)), 3)
    torch.testing.assert_close(together, torch.stack([heads(view) for view in views]))


@all_seeds
@pytest.mark.parametrize("n_images", [1, 2, 100])
def test_an_epoch_holds_each_image_once(seed: int, n_images: int) -> None:
    order = each_image_once(new_epoch(seed, n_images))
    assert order.dtype == torch.int64
    assert sorted(order.tolist()) == list(range(n_images))


def test_an_order_is_drawn_from_the_generator_of_the_epoch() -> None:
    orders = [each_image_once(new_epoch(seed, 100)) for seed in (0, 0, 1)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    epoch = new_epoch(0, 100)
    assert not torch.equal(each_image_once(epoch), each_image_once(epoch))


def test_every_image_may_come_first() -> None:
    epoch = new_epoch(0, 4)
    assert {int(each_image_once(epoch)[0]) for _ in range(60)} == set(range(4))
