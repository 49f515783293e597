from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.measurement import Size
from benchmarks.speed.step_products import layer_products, step_products
from benchmarks.speed.training import random_inputs, step_taker, ucls_config
from ucls.training import HeadTrainer

CPU = torch.device("cpu")


def flops_of(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


@pytest.mark.parametrize("own_inputs", [False, True])
def test_products_of_a_pass_have_the_shapes_of_the_layers(own_inputs):
    layers = partial(layer_products, torch.ones, 2, (8, 6, 3), 5, own_inputs=own_inputs)
    ahead = [tuple(product().shape) for product in layers(trained=False)]
    assert ahead == ([(2, 5, 6)] if own_inputs else [(1, 5, 12)]) + [(2, 5, 3)]
    trained = [tuple(product().shape) for product in layers()]
    first = [(2, 5, 6), (2, 8, 6)] if own_inputs else [(1, 5, 12), (1, 8, 12)]
    assert trained == [*first, (2, 5, 3), (2, 6, 3), (2, 5, 6)]


def test_a_step_takes_the_products_that_it_needs():
    size = Size(512, 10, n_heads=5, n_features=64)
    config = ucls_config(size, precision="float32", batch_size=256)
    trainer = HeadTrainer(**random_inputs(size), config=config, device=CPU)
    products = step_products(config, size, n_partners=trainer.objective.n_partners, device=CPU)
    take_step = step_taker(trainer)
    take_step()
    taken, needed = flops_of(take_step), flops_of(lambda: [run() for run in products])
    # Sinkhorn's scalings are products too.
    assert needed <= taken < 1.01 * needed
