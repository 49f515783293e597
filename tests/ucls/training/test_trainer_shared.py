"""Training whose batches are divided among processes."""

from functools import partial
from typing import Any

import pytest
import torch

from tests.jobs import run_job
from tests.ucls.training.trainers import SEVERAL_SIZES, SOFT, STUDENTS, new_trainer
from ucls.progress import MUTE, Reporter
from ucls.ranks import together
from ucls.settings.objectives import objective_names
from ucls.training.trainer import State

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((objective, {}) for objective in objective_names()),
    *((objective, {"scales": (1, 2)}) for objective in SEVERAL_SIZES),
    *((objective, SOFT) for objective in STUDENTS),
    ("temi", {"instance_weights": True, "symmetric": True}),
]
N_STEPS = 3


def steps(*, reporter: Reporter) -> list[list[State]]:
    """The state and the losses after each of the first steps, of all variants."""
    return [_steps_of(objective, **changes) for objective, changes in VARIANTS]


def _steps_of(objective: str, **changes: Any) -> list[State]:
    trainer = new_trainer(objective, parallel="data", **changes)
    generator = torch.Generator().manual_seed(0)
    order = trainer.objective.start_epoch(trainer.describe_epoch(generator))
    trainer.train_mode(True)
    found = []
    for step in range(N_STEPS):
        rows = order[..., step * trainer.batch_size : (step + 1) * trainer.batch_size]
        losses = trainer.step(rows, step + 30, generator)
        own = {name: value.clone() for name, value in trainer.state().items()}
        found.append({**own, "losses": losses.clone()})
    return found


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [2, 4])
def test_processes_that_share_batches_take_the_steps_of_one(n_processes: int) -> None:
    alone = steps(reporter=MUTE)
    shared = run_job(n_processes, partial(together, steps, reporter=MUTE))
    for (objective, changes), expected, found in zip(VARIANTS, alone, shared, strict=True):
        for step, (one, other) in enumerate(zip(expected, found, strict=True)):
            assert one.keys() == other.keys()
            for name in one:
                torch.testing.assert_close(
                    other[name], one[name], atol=1e-5, rtol=1e-5,
                    msg=lambda text, at=(objective, changes, step, name): f"{at}: {text}",
                )  # fmt: skip
