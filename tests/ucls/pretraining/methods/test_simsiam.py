import numpy as np
import pytest
import torch

from tests.ucls.pretraining.methods.networks import TinyResNet
from tests.ucls.pretraining.methods.parity import assert_steps_are_the_same
from ucls.errors import UsageError
from ucls.pretraining.methods.simsiam import SimSiam, build, distance
from ucls.pretraining.protocol import Batch, Task
from ucls.pretraining.views import Views
from ucls.settings.pretraining_methods import SimSiamOptions

OURS = {"encoder.fc": "projector", "encoder": "encoder", "predictor": "predictor"}


def tiny(**options):
    return SimSiam(TinyResNet(), SimSiamOptions(dim=10, predictor_dim=4, **options))


def test_whole_steps_are_those_of_the_public_code():
    assert_steps_are_the_same(tiny(), "simsiam_step.npz", OURS)


def test_the_distance_is_the_negative_cosine():
    prediction, target = torch.randn(2, 5, 3, dtype=torch.float64)
    one, other = prediction.numpy(), target.numpy()
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    expected = -np.mean((one * other).sum(axis=1) / lengths)
    assert float(distance(prediction, target)) == pytest.approx(expected, abs=1e-12)


def test_no_gradient_flows_into_targets():
    prediction, target = (torch.randn(5, 3, requires_grad=True) for _ in range(2))
    distance(prediction, target).backward()
    assert prediction.grad is not None
    assert target.grad is None


def test_with_local_views_it_is_the_mean_over_duos():
    method = tiny()
    first, second, local = (torch.randn(6, 3, size, size) for size in (10, 10, 6))
    losses = [
        method.loss(Batch(Views(list(views), []), torch.arange(6)))
        for views in ((first, second), (first, local), (second, local))
    ]
    found = method.loss(Batch(Views([first, second, local], []), torch.arange(6)))
    torch.testing.assert_close(found, torch.stack(losses).mean())


def test_the_rate_of_the_predictor_may_stay():
    assert tiny(fix_pred_lr=False).steady_parameters() == []
    method = tiny()
    steady = {id(one) for one in method.steady_parameters()}
    assert steady == {id(one) for one in method.predictor.parameters()}


def test_layers_of_the_projector():
    for layers in (2, 3):
        method = build(TinyResNet(), SimSiamOptions(dim=6, projector_layers=layers), Task(20, 1))
        linear = [layer for layer in method.projector if isinstance(layer, torch.nn.Linear)]
        assert [layer.out_features for layer in linear] == [8] * (layers - 1) + [6]
        assert method.watched(torch.randn(4, 8)).shape == (4, 6)
        assert method.clusters(torch.randn(4, 8)) is None


def test_a_part_of_one_image_is_refused():
    with pytest.raises(UsageError, match=r"batch norm needs two images at least in each part"):
        tiny().check_batch(1)
