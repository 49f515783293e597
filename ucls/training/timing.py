"""How long a training step takes on this machine."""

from statistics import median
from time import perf_counter

import torch

from ucls.devices import threads_for
from ucls.training.trainer import HeadTrainer

STEPS = 3


def seconds_per_step(trainer: HeadTrainer) -> float:
    """Measures a few steps; the trainer is of no use afterwards."""
    generator = torch.Generator(trainer.data.device).manual_seed(0)
    order = trainer.objective.start_epoch(trainer.describe_epoch(generator))
    rows = order[..., : trainer.batch_size]
    trainer.train_mode(True)

    def time_step(step: int) -> float:
        started = perf_counter()
        # Its sum is on the host, so the device has finished the step.
        float(trainer.step(rows, step, generator).sum())
        return perf_counter() - started

    with threads_for(trainer.n_entries):
        # The first takes what the others find ready.
        return median([time_step(step) for step in range(1 + STEPS)][1:])
