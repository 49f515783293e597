import torch
from torch.nn import functional as F

from ucls.pretraining.neighbor_queue import NeighborQueue


def embeddings(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=generator), dim=-1)


def test_the_oldest_give_way():
    queue = NeighborQueue(5, 3)
    first, second = embeddings(3, 3), embeddings(4, 3, seed=1)
    queue.push(first, torch.arange(3))
    queue.push(second, torch.arange(10, 14))
    assert queue.rows.tolist() == [12, 13, 2, 10, 11]
    assert torch.equal(queue.embeddings[2], first[2])
    assert torch.equal(queue.embeddings[0], second[2])


def test_more_than_it_holds():
    queue = NeighborQueue(4, 3)
    queue.push(embeddings(6, 3), torch.arange(6))
    assert sorted(queue.rows.tolist()) == [2, 3, 4, 5]


def test_the_nearest_is_another_image():
    queue = NeighborQueue(6, 8)
    stored = embeddings(6, 8)
    queue.push(stored, torch.arange(6))
    found = queue.nearest(stored[:2], torch.tensor([0, 99]))
    others = stored[1:] @ stored[0]
    assert torch.equal(found[0], stored[1 + int(others.argmax())])
    assert torch.equal(found[1], stored[1])


def test_views_are_replaced_once_it_is_full():
    queue, views, rows = NeighborQueue(4, 8), embeddings(3, 4, 8), torch.arange(4)
    views.requires_grad_()
    assert torch.equal(queue.replace(views, rows), views)
    replaced = queue.replace(views, rows + 10)
    assert torch.equal(replaced[1:], views[1:])
    assert torch.equal(replaced[0], views[0])  # each finds itself, stored under another number
    replaced.sum().backward()
    assert (views.grad[0] == 0).all()
    assert (views.grad[1] == 1).all()
