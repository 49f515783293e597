import numpy as np
import pytest
import torch

from tests.ucls.pretraining.methods.networks import TinyResNet
from ucls.pretraining.methods.c2bin import C2Bin, build
from ucls.pretraining.protocol import Batch, Task
from ucls.pretraining.views import Views
from ucls.settings.pretraining_methods import C2BinOptions


def tiny(**options):
    settings = C2BinOptions(hidden_dim=12, projection_dim=6, **options)
    return C2Bin(TinyResNet(), [3, 7], settings)


def batch(sizes=(10, 10), n=8):
    views = [torch.randn(n, 3, size, size, dtype=torch.float64) for size in sizes]
    return Batch(Views(views, []), torch.arange(n))


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def contrast(one, other, temperature):
    """Eq. 4, cluster by cluster."""
    products = np.exp(one.T @ other / temperature)
    n_clusters = len(products)
    shares = [
        products[i, i] / sum(products[i, j] for j in range(n_clusters) if j != i)
        for i in range(n_clusters)
    ]
    return -np.log(shares).mean()


def entropy(memberships):
    """That of eq. 5, and the constant that is B log B."""
    masses = memberships.sum(axis=0)
    return -(masses * np.log(masses)).sum() + len(memberships) * np.log(len(memberships))


def perceptron(layers, values):
    weights = [parameter.detach().numpy() for parameter in layers.parameters()]
    return np.maximum(values @ weights[0].T + weights[1], 0) @ weights[2].T + weights[3]


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_the_formula(seed):
    torch.manual_seed(seed)
    options = {"temperature": 0.7, "cluster_weight": 1.5, "entropy_weight": 0.4}
    method, given = tiny(**options).double(), batch()
    with torch.no_grad():
        # Batch norm sees each view by itself.
        first, second = (method.encoder(view).numpy() for view in given.views.pixels)
        target = method.follower(given.views.pixels[1]).numpy()
    prediction = perceptron(method.predictor, perceptron(method.projector, first))
    target = perceptron(method.follower_projector, target)
    lengths = np.linalg.norm(prediction, axis=1) * np.linalg.norm(target, axis=1)
    expected = 1 - np.mean((prediction * target).sum(axis=1) / lengths)
    for classifier in method.classifiers:
        weight, bias = (parameter.detach().numpy() for parameter in classifier.parameters())
        one, other = (softmax(vectors @ weight.T + bias) for vectors in (first, second))
        expected += 1.5 * (contrast(one, other, 0.7) - 0.4 * entropy(one))
    assert float(method.loss(given).detach()) == pytest.approx(expected, abs=1e-8)


def test_all_clusters_in_part_agreed_on_are_better_than_two_agreed_on():
    def logits(clusters):
        return 20.0 * torch.nn.functional.one_hot(clusters, 10).float()

    method, classes = tiny(), torch.arange(200) % 10
    other = torch.where(torch.arange(200) < 60, classes.roll(1), classes)
    every = method._contrast(torch.nn.Identity(), logits(classes), logits(other))
    two = method._contrast(torch.nn.Identity(), logits(classes % 2), logits(classes % 2))
    assert every < two


def test_a_forward_pass_of_less_precision_leaves_products_their_own():
    one, other = torch.randn(2, 12, 5)
    method, classifier = tiny(), torch.nn.Identity()
    expected = method._contrast(classifier, one, other)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(method._contrast(classifier, one, other), expected)


def test_local_views_are_beside_the_second_too():
    method, given = tiny().double(), batch(sizes=(10, 10, 6))
    first, second, local = given.views.pixels
    found = [
        method.loss(Batch(Views(views, []), given.rows)).detach()
        for views in ([first, second], [local, second], [first, second, local])
    ]
    torch.testing.assert_close(found[2], (found[0] + found[1]) / 2)


def test_the_follower_learns_by_its_leader_alone():
    method = tiny(follower_momentum=0.9).double()
    method.loss(batch()).backward()
    assert all(one.grad is None for one in method.follower.parameters())
    assert all(one.grad is not None for one in method.encoder.parameters())
    before = method.follower.a[0].weight.clone()
    with torch.no_grad():
        method.encoder.a[0].weight.add_(1)
    method.after_step()
    torch.testing.assert_close(method.follower.a[0].weight, before + 0.1)


def test_the_first_predictor_finds_the_clusters():
    method = build(TinyResNet(), C2BinOptions(hidden_dim=12), Task(20, 1, 10))
    assert [layer.out_features for layer in method.classifiers] == [10, 40, 160]
    vectors = torch.randn(4, 8)
    assert method.clusters(vectors).shape == (4, 10)
    assert method.watched(vectors).shape == (4, 512)
