import pytest
import torch

from benchmarks.speed.measurement import Size
from benchmarks.speed.straightforward import StraightforwardTrainer
from benchmarks.speed.training import random_inputs, ucls_config
from ucls.training.trainer import HeadTrainer

N_IMAGES, BATCH_SIZE, HIDDEN_DIM = 64, 16, 8
SIZE = Size(N_IMAGES, 4, n_heads=3, n_features=12)
CONFIG = ucls_config(
    SIZE, precision="float32", epochs=30, batch_size=BATCH_SIZE, hidden_dim=HIDDEN_DIM,
    bottleneck_dim=6,
)  # fmt: skip
INPUTS = {**random_inputs(SIZE), "config": CONFIG, "device": torch.device("cpu")}


def with_the_weights_of(trainer, heads):
    """Copies the weights of all our heads into the list of heads."""
    for number, head in enumerate(trainer.student):
        first, _, hidden, _, bottleneck = head.mlp
        rows = slice(number * HIDDEN_DIM, (number + 1) * HIDDEN_DIM)
        first.weight.data.copy_(heads.first_weight.data[rows])
        hidden.weight.data.copy_(heads.hidden_weight.data[number].T)
        bottleneck.weight.data.copy_(heads.bottleneck_weight.data[number].T)
        head.last.parametrizations.weight.original1.data.copy_(heads.direction.data[number].T)
    trainer.teacher.load_state_dict(trainer.student.state_dict())


def test_it_trains_what_ours_trains():
    ours, plain = HeadTrainer.on(**INPUTS), StraightforwardTrainer(**INPUTS, two_way=False)
    with_the_weights_of(plain, ours.objective.student)
    plain.batch_norm = torch.nn.Identity()  # ours draws what is standardised already
    ours.train_mode(True)
    rows = torch.arange(BATCH_SIZE)
    generator = torch.Generator().manual_seed(0)
    for step in range(3):
        drawn = torch.Generator()
        drawn.set_state(generator.get_state())
        images, neighbors = ours.data.views.draw(rows, 1, drawn)
        loss = ours.step(rows, step, generator).mean()
        assert plain.step(images, neighbors) == pytest.approx(float(loss), abs=1e-5)


def test_an_epoch_takes_every_full_batch_and_lowers_the_loss():
    trainer = StraightforwardTrainer(**INPUTS)
    losses = [trainer.train_epoch() for _ in range(8)]
    assert trainer.step_number == 8 * (N_IMAGES // BATCH_SIZE)
    assert losses[-1] < losses[0]
    labels = trainer.labels()
    assert labels.shape == (3, N_IMAGES)
    assert 0 <= labels.min() <= labels.max() < 4
