from functools import cache
from typing import Any

import pytest

from tests.ucls.training.trainers import (
    CONFIGS,
    SOFT,
    all_objectives,
    differ,
    new_trainer,
    trained_for,
)
from ucls.settings.objectives import RECORDS, objective_names
from ucls.training.trainer import State

OTHERS: dict[str, Any] = {
    "components": 5,
    "hidden_dim": 16,
    "bottleneck_dim": 8,
    "teacher_momentum": 0.5,
    "student_temperature": 0.2,
    "teacher_temperature": 0.05,
    "prior_strength": 0.9,
    "sinkhorn_iterations": 1,
    "n_smoothing": 1,
    "marginal_momentum": 0.5,
    "beta": 0.9,
    "cross_entropy": 0.25,
    "entropy_weight": 1.0,
    "n_views": 3,
    "column_temperature": 0.1,
    "fixed_share": 1.0,
    "contrast_temperature": 0.5,
    "cluster_weight": 0.5,
    "inner_steps": 3,
    "inner_learning_rate": 0.01,
}


def other_value(name: str, value: Any) -> Any:
    """Another value than an objective's own."""
    if isinstance(value, bool):
        return not value
    if name == "prior":
        return "none" if value == "uniform" else "uniform"
    return OTHERS[name]


@cache
def usual_state(objective: str, settings: tuple[tuple[str, Any], ...] = ()) -> State:
    return trained_for(new_trainer(objective, **dict(settings)), 3).trained_state()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "name"),
    [(objective, name) for objective in objective_names() for name in RECORDS[objective].options],
)
def test_every_setting_that_an_objective_heeds_changes_its_training(
    objective: str, name: str
) -> None:
    usual: dict[str, Any] = {
        "prior_strength": SOFT,
        "sinkhorn_iterations": {"prior": "uniform"},
    }.get(name, {})
    changes = {**usual, name: other_value(name, RECORDS[objective].options[name])}
    switched = trained_for(new_trainer(objective, **changes), 3)
    assert differ(usual_state(objective, tuple(usual.items())), switched.trained_state())


@pytest.mark.slow
@all_objectives
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_norm", None),
        ("views", None),
        ("weight_decay", 0.5),
        ("precision", "bfloat16"),
        ("learning_rate", 0.2),
        ("final_learning_rate", 1.0),
        ("warmup_epochs", 0),
        ("batch_size", 24),
    ],
)
def test_every_switch_of_the_loop_changes_the_training(
    objective: str, name: str, value: Any
) -> None:
    config = CONFIGS[objective]
    opposite = {
        "batch_norm": not config.batch_norm,
        "views": "itself" if config.views == "neighbor" else "neighbor",
    }
    switched = trained_for(new_trainer(objective, **{name: opposite.get(name, value)}), 3)
    assert differ(usual_state(objective), switched.trained_state())
