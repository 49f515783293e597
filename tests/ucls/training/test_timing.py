from itertools import accumulate

import pytest

from tests.ucls.training.trainers import all_objectives, new_trainer
from ucls.settings.objectives import objective_names
from ucls.training.timing import STEPS, seconds_per_step
from ucls.training.trainer import HeadTrainer


@all_objectives
def test_a_step_of_any_objective_is_measured(objective: str) -> None:
    assert 0 < seconds_per_step(new_trainer(objective)) < 10


@pytest.mark.parametrize("objective", objective_names())
def test_it_is_the_median_without_the_first(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, steps = new_trainer(objective), []
    took = [100.0, 3.0, 1.0, 70.0]
    clock = iter([0.0, *(time for end in accumulate(took) for time in (end, end))])
    monkeypatch.setattr("ucls.training.timing.perf_counter", lambda: next(clock))

    def step(self: HeadTrainer, rows, number, generator):
        steps.append(number)
        return own(self, rows, number, generator)

    own = HeadTrainer.step
    monkeypatch.setattr(HeadTrainer, "step", step)
    assert seconds_per_step(trainer) == pytest.approx(3.0)
    assert steps == list(range(1 + STEPS))
