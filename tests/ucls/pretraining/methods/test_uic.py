import pytest
import torch

from tests.ucls.pretraining.methods.networks import TinyResNet
from ucls.backbones.encoder import Architecture, Encoder
from ucls.errors import UsageError
from ucls.pretraining.methods.uic import Uic, build
from ucls.pretraining.protocol import Batch, Epoch, Task
from ucls.pretraining.views import Views
from ucls.settings.pretraining_methods import UicOptions

N_IMAGES, CLUSTERS = 30, 4


class TinyNet(TinyResNet):
    def set_dropout(self, share):
        pass


def tiny(fixed_epochs=0, dropout=0.0):
    options = UicOptions(dropout=dropout, fixed_epochs=fixed_epochs)
    return Uic(TinyNet(), options, Task(N_IMAGES, 5, CLUSTERS))


def epoch(number=0, labels=None, seed=0, rows=None):
    rows = torch.arange(N_IMAGES) if rows is None else rows
    found = torch.arange(len(rows)) % CLUSTERS if labels is None else labels
    generator = torch.Generator().manual_seed(seed)
    return Epoch(number, rows=rows, generator=generator, predict=lambda: found)


def batch(rows, size=10, n_views=1):
    views = [torch.randn(len(rows), 3, size, size) for _ in range(n_views)]
    return Batch(Views(views, []), torch.tensor(rows))


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_the_cross_entropy_to_the_labels(seed):
    torch.manual_seed(seed)
    method, given = tiny().double(), batch([3, 5, 8, 8])
    method.start_epoch(epoch())
    given = Batch(Views([view.double() for view in given.views.pixels], []), given.rows)
    logits = method.classifier(method.encoder(given.views.pixels[0])).detach().numpy()
    chances = torch.from_numpy(logits).exp().numpy()
    chances /= chances.sum(axis=1, keepdims=True)
    expected = -sum(
        float(torch.tensor(chances[i, row % CLUSTERS]).log()) for i, row in enumerate([3, 5, 8, 8])
    )
    assert float(method.loss(given).detach()) == pytest.approx(expected / 4, abs=1e-8)


def test_an_epoch_has_the_labels_of_the_epoch_before():
    method, given = tiny(), batch([0, 1, 2])
    method.start_epoch(epoch())
    before = method.labels.clone()
    with torch.no_grad():
        found = method.classifier(method.encoder(given.views.pixels[0])).argmax(dim=1)
    method.loss(given)
    assert torch.equal(method.labels, before)
    method.finish_epoch()
    assert torch.equal(method.labels[:3], found)
    assert torch.equal(method.labels[3:], before[3:])


def test_clusters_are_drawn_equally_often_and_none_is_empty():
    method = tiny()
    labels = torch.tensor([0] * 25 + [1] * 5)
    order = method.start_epoch(epoch(labels=labels))
    assert len(order) == N_IMAGES
    sizes = torch.bincount(method.labels[order], minlength=CLUSTERS)
    assert sizes.max() - sizes.min() <= 1
    assert torch.bincount(method.labels, minlength=CLUSTERS).min() > 0


def test_an_epoch_that_goes_on_has_the_same_order():
    method = tiny()
    order = method.start_epoch(epoch(labels=torch.tensor([0] * 25 + [1] * 5), seed=3))
    method.loss(batch([0, 1, 2]))
    left = method.next_labels.clone()
    assert torch.equal(method.start_epoch(epoch(seed=3)), order)
    assert torch.equal(method.next_labels, left)


def test_labels_of_the_last_epochs_stay():
    method = tiny(fixed_epochs=2)
    method.start_epoch(epoch(2))
    assert not method.is_fixed
    labels = torch.arange(N_IMAGES).flip(0) % CLUSTERS
    for number in (3, 4):
        method.start_epoch(epoch(number, labels=labels if number == 3 else labels * 0))
        method.loss(batch([0, 1, 2]))
        method.finish_epoch()
        assert torch.equal(method.labels, labels)


def test_images_that_cannot_be_read_are_not_drawn():
    rows = torch.arange(0, N_IMAGES, 2)
    order = tiny().start_epoch(epoch(rows=rows))
    assert set(order.tolist()) <= set(rows.tolist())


def test_all_views_are_classified_and_the_first_labels():
    method, given = tiny(), batch([0, 1, 2], n_views=2)
    method.start_epoch(epoch())
    found = method.loss(given)
    each = [method.loss(Batch(Views([view], []), given.rows)) for view in given.views.pixels]
    torch.testing.assert_close(found, torch.stack(each).mean())


@pytest.mark.slow
def test_fully_connected_layers_drop_out():
    for name in ("alexnet", "vgg11_bn"):
        method = build(Encoder(Architecture(name, 3, 64)), UicOptions(), Task(20, 5, 4))
        dropouts = [layer.p for layer in method.modules() if isinstance(layer, torch.nn.Dropout)]
        assert dropouts.count(0.5) == 2, name
        assert method.clusters(torch.randn(3, 4096)).shape == (3, 4)


@pytest.mark.parametrize(
    ("options", "task", "message"),
    [
        ({}, Task(3, 5, 4), r"3 images cannot fill 4 clusters: ask for fewer with -k"),
        ({"fixed_epochs": 5}, Task(30, 5, 4), r"labels would be fixed in 5 of 5 epochs"),
    ],
)
def test_what_cannot_be_learned_is_refused(options, task, message):
    with pytest.raises(UsageError, match=message):
        build(TinyNet(), UicOptions(**options), task)
