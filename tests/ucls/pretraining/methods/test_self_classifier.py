import numpy as np
import pytest
import torch

from tests.ucls.pretraining.methods.networks import TinyResNet
from tests.ucls.pretraining.methods.parity import FIXTURES, stored
from ucls.errors import UsageError
from ucls.pretraining.methods.self_classifier import SelfClassifier, build, by_size
from ucls.pretraining.optimizers import build_optimizer
from ucls.pretraining.protocol import Batch, Task
from ucls.pretraining.views import Views
from ucls.settings.pretraining import PretrainConfig
from ucls.settings.pretraining_methods import SelfClassifierOptions

FIXTURE = "self_classifier_step.npz"
OURS = {
    "backbone": "encoder",
    "mlp_head.mlp": "projector",
    "cls_0.weight_g": "classifiers.0.parametrizations.weight.original0",
    "cls_0.weight_v": "classifiers.0.parametrizations.weight.original1",
    "cls_1.weight_g": "classifiers.1.parametrizations.weight.original0",
    "cls_1.weight_v": "classifiers.1.parametrizations.weight.original1",
}


def tiny(**options):
    settings = SelfClassifierOptions(hidden_dim=12, bottleneck_dim=6, **options)
    return SelfClassifier(TinyResNet(), [5, 10], settings)


def batch(sizes=(12, 12, 8), n=10):
    return Batch(Views([torch.randn(n, 3, size, size) for size in sizes], []), torch.arange(n))


def test_whole_steps_are_those_of_the_public_code():
    method = tiny(queue=24).double()
    missing = method.load_state_dict(stored(FIXTURE, "before.", OURS), strict=False)
    assert not missing.unexpected_keys
    assert all(name.startswith("queue.") for name in missing.missing_keys)
    config = PretrainConfig(optimizer="lars", learning_rate=0.3, weight_decay=1e-4, momentum=0.9)
    optimizer = build_optimizer(method.parameters(), config)
    with np.load(FIXTURES / FIXTURE) as arrays:
        losses = []
        for step in range(5):
            views = [torch.from_numpy(arrays[f"views.{step}.{view}"]).double() for view in range(4)]
            optimizer.zero_grad()
            loss = method.loss(Batch(Views(views, []), torch.from_numpy(arrays[f"rows.{step}"])))
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        np.testing.assert_allclose(losses, arrays["losses"], rtol=1e-8)
    after, expected = method.state_dict(), stored(FIXTURE, "after.", OURS)
    # Batch norm takes it away again: its gradient is rounding alone, which LARS makes large.
    del expected["projector.0.bias"]
    # The public code adds an epsilon to what it takes the logarithm of.
    for name, value in expected.items():
        torch.testing.assert_close(after[name], value, atol=1e-5, rtol=1e-5)


def test_a_fixed_classifier_does_not_learn():
    method = tiny(learnable_classifier=False)
    method.loss(batch()).backward()
    assert all(one.grad is None for one in method.classifiers.parameters())
    assert all(one.grad is not None for one in method.encoder.parameters())


def test_only_neighbouring_views_of_one_size_share_a_pass():
    views = [torch.zeros(2, 3, size, size) for size in (4, 4, 2, 2, 4)]
    assert [len(run) for run in by_size(views)] == [2, 2, 1]


def test_a_batch_smaller_than_the_largest_classifier():
    tiny().check_batch(10)
    with pytest.raises(UsageError, match=r"9 images are smaller than the largest .* 10 clusters"):
        tiny().check_batch(9)


def test_the_first_classifier_finds_the_clusters():
    method = build(TinyResNet(), SelfClassifierOptions(hidden_dim=12), Task(20, 1, 7))
    assert method.sizes == [7, 14, 28, 56]
    vectors = torch.randn(4, 8)
    assert method.clusters(vectors).shape == (4, 7)
    torch.testing.assert_close(method.watched(vectors).norm(dim=1), torch.ones(4))
