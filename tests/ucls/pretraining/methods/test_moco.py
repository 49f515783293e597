import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.ucls.pretraining.methods.networks import TinyResNet
from tests.ucls.pretraining.methods.parity import assert_steps_are_the_same
from ucls.errors import UsageError
from ucls.pretraining.methods.moco import Moco, build, info_nce
from ucls.pretraining.protocol import Batch, Task
from ucls.pretraining.views import Views
from ucls.settings.pretraining_methods import MocoOptions

OURS = {
    "encoder_q.fc": "projector", "encoder_q": "encoder", "encoder_k.fc": "key_projector",
    "encoder_k": "key_encoder", "queue": "queue.embeddings",
}  # fmt: skip


def tiny(queue=36, **options):
    settings = {"dim": 6, "key_momentum": 0.9, "batch_norm_groups": 1, **options}
    return Moco(TinyResNet(), MocoOptions(**settings), queue=queue)


def batch(n=12, sizes=(10, 10)):
    return Batch(Views([torch.randn(n, 3, size, size) for size in sizes], []), torch.arange(n))


def test_whole_steps_are_those_of_the_public_code():
    assert_steps_are_the_same(tiny(), "moco_step.npz", OURS)


@pytest.mark.parametrize("seed", range(3))
def test_info_nce_is_the_formula(seed):
    rng = np.random.default_rng(seed)
    queries, keys, others = (
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in (rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=(7, 3)))
    )
    own = np.exp((queries * keys).sum(axis=1) / 0.2)
    expected = np.mean(-np.log(own / (own + np.exp(queries @ others.T / 0.2).sum(axis=1))))
    found = info_nce(*map(torch.from_numpy, (queries, keys)), others=torch.from_numpy(others),
                     temperature=0.2)  # fmt: skip
    assert float(found) == pytest.approx(expected, abs=1e-8)


def test_a_forward_pass_of_less_precision_leaves_products_their_own():
    queries, keys, others = (F.normalize(torch.randn(n, 64), dim=1) for n in (5, 5, 9))
    expected = info_nce(queries, keys, others=others, temperature=0.2)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(info_nce(queries, keys, others=others, temperature=0.2), expected)


def test_the_queue_takes_the_keys_of_the_batch_and_no_gradient_flows_into_them():
    method = tiny(queue=30)
    keys = method.keys(batch().views.pixels[1])
    assert keys.shape == (12, 6)
    torch.testing.assert_close(keys.norm(dim=1), torch.ones(12))
    method.loss(batch()).backward()
    assert method.queue.rows.tolist() == [*range(12), *[-1] * 18]
    assert all(one.grad is None for one in method.key_encoder.parameters())
    assert all(one.grad is not None for one in method.encoder.parameters())


def test_shuffled_keys_come_back_in_order():
    method, view = tiny(), batch().views.pixels[1]
    expected = F.normalize(method.key_projector(method.key_encoder(view)), dim=1)
    torch.testing.assert_close(method.keys(view), expected, atol=1e-5, rtol=1e-5)


def test_keys_are_normalised_beside_others_than_their_queries():
    method, view = tiny(batch_norm_groups=3), batch().views.pixels[1]
    beside_their_queries = F.normalize(method.key_projector(method.key_encoder(view)), dim=1)
    assert (method.keys(view) - beside_their_queries).abs().max() > 1e-3


def test_local_views_have_the_same_key():
    method = tiny()
    given = batch(sizes=(10, 10, 6))
    first, second, local = given.views.pixels
    before = method.queue.embeddings.clone()
    found = []
    for views in ([first, second], [local, second], [first, second, local]):
        method.queue.embeddings.copy_(before)
        found.append(method.loss(Batch(Views(views, []), given.rows)).detach())
    torch.testing.assert_close(found[2], (found[0] + found[1]) / 2, atol=1e-5, rtol=1e-5)


def test_the_queue_is_shorter_where_there_are_few_images():
    assert len(build(TinyResNet(), MocoOptions(), Task(100, 1)).queue.rows) == 25
    assert len(build(TinyResNet(), MocoOptions(queue=7), Task(100, 1)).queue.rows) == 7


def test_batches_too_small_for_the_groups_of_batch_norm():
    tiny(batch_norm_groups=3).check_batch(6)
    with pytest.raises(UsageError, match=r"batches of 5 images are too small .* over 3 groups"):
        tiny(batch_norm_groups=3).check_batch(5)
