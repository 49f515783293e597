import pytest
import torch

from benchmarks.speed.measurement import Size
from benchmarks.speed.step_products import step_products
from benchmarks.speed.training import fitted_config, random_inputs, step_taker
from tests.benchmarks.speed.flops import flops_of
from ucls.settings.objectives import objective_names
from ucls.training.trainer import HeadTrainer

CPU = torch.device("cpu")


@pytest.mark.parametrize("n_features", [64, 512])
@pytest.mark.parametrize("objective", objective_names())
def test_a_step_takes_the_products_that_it_needs(objective, n_features):
    size = Size(512, 10, n_heads=5, n_features=n_features)
    config = fitted_config(size, precision="float32", batch_size=256, objective=objective)
    trainer = HeadTrainer.on(**random_inputs(size), config=config, device=CPU)
    products = step_products(config, size, n_partners=trainer.objective.n_partners, device=CPU)
    take_step = step_taker(trainer)
    take_step()
    taken, needed = flops_of(take_step), flops_of(lambda: [run() for run in products])
    # Sinkhorn's scalings are products too.
    assert needed <= taken < 1.01 * needed
