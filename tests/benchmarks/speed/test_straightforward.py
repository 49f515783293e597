import numpy as np
import pytest
import torch

from benchmarks.speed.straightforward import Pairs, StraightforwardTrainer
from benchmarks.speed.training import ucls_config
from benchmarks.step_products import Size
from benchmarks.training_step import random_graph
from ucls.training.trainer import HeadTrainer

SIZE = Size(n_heads=3, n_features=12, n_clusters=4, batch_size=16, hidden_dim=8, bottleneck_dim=6)
N_IMAGES = 64


def random_features():
    return np.random.default_rng(0).standard_normal((N_IMAGES, 12), dtype=np.float32)


def config():
    return ucls_config(SIZE, precision="float32", epochs=30, n_images=N_IMAGES)


def plain_trainer(**options):
    return StraightforwardTrainer(
        random_features(), random_graph(N_IMAGES), config(), n_clusters=4, seed=0,
        device=torch.device("cpu"), **options,
    )  # fmt: skip


def with_the_weights_of(trainer, heads):
    """Copies the weights of all our heads into the list of heads."""
    for number, head in enumerate(trainer.student):
        first, _, hidden, _, bottleneck = head.mlp
        rows = slice(number * SIZE.hidden_dim, (number + 1) * SIZE.hidden_dim)
        first.weight.data.copy_(heads.first_weight.data[rows])
        hidden.weight.data.copy_(heads.hidden_weight.data[number].T)
        bottleneck.weight.data.copy_(heads.bottleneck_weight.data[number].T)
        head.last.parametrizations.weight.original1.data.copy_(heads.direction.data[number].T)
    trainer.teacher.load_state_dict(trainer.student.state_dict())


def test_it_trains_what_ours_trains():
    ours = HeadTrainer(
        random_features(), random_graph(N_IMAGES), config(), n_clusters=4, seed=0,
        device=torch.device("cpu"),
    )  # fmt: skip
    plain = plain_trainer(two_way=False)
    with_the_weights_of(plain, ours.objective.student)
    ours.train_mode(True)
    rows = torch.arange(SIZE.batch_size)
    generator = torch.Generator().manual_seed(0)
    for step in range(3):
        drawn = torch.Generator()
        drawn.set_state(generator.get_state())
        images, neighbors = ours.views.draw(rows, 1, drawn)
        loss = ours.step(rows, step, generator).mean()
        assert plain.step(images, neighbors) == pytest.approx(float(loss), abs=1e-5)


def test_pairs_are_an_image_and_a_neighbor():
    graph = random_graph(N_IMAGES)
    features = random_features()
    pairs = Pairs(features, graph)
    assert len(pairs) == N_IMAGES
    drawn = {pairs[5][1].numpy().tobytes() for _ in range(200)}
    assert drawn == {features[row].tobytes() for row in graph.row(5)[0]}
    assert pairs[5][0].tolist() == features[5].tolist()


def test_an_epoch_takes_every_full_batch_and_lowers_the_loss():
    trainer = plain_trainer()
    losses = [trainer.train_epoch() for _ in range(8)]
    assert trainer.step_number == 8 * (N_IMAGES // SIZE.batch_size)
    assert losses[-1] < losses[0]
    labels = trainer.labels()
    assert labels.shape == (3, N_IMAGES)
    assert 0 <= labels.min() <= labels.max() < 4
