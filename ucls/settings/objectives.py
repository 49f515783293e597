"""Which settings of a training each objective heeds, and what it takes where they are open.

Knows no torch, since the command line checks settings with it.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

ObjectiveName = Literal["ucls", "temi", "scan", "self-classifier", "uic", "c2bin", "turtle"]
OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)

Settings = Mapping[str, Any]

_MLP: Settings = {"hidden_dim": None, "bottleneck_dim": None}
_TEACHER: Settings = {
    **_MLP,
    "teacher_momentum": None,
    "student_temperature": 0.1,
    "teacher_temperature": 0.1,
    "prior": "uniform",
    "prior_strength": 0.2,
    "sinkhorn_iterations": 3,
    "n_smoothing": 1,
}
_PMI: Settings = {
    **_TEACHER,
    "marginal_momentum": 0.9,
    "beta": 0.6,
    "instance_weights": True,
}

OPTIONS: Mapping[ObjectiveName, Settings] = {
    "ucls": {**_PMI, "symmetric": False, "cross_entropy": 0.5, "n_smoothing": 4},
    "temi": {**_PMI, "symmetric": True, "cross_entropy": 0.0, "prior": "none"},
    "scan": {**_TEACHER, "entropy_weight": 4.0, "prior": "none"},
    "self-classifier": {
        **_MLP,
        "n_views": 2,
        "student_temperature": 0.1,
        "column_temperature": 0.05,
        "learnable_classifier": True,
    },
    "uic": {**_MLP, "student_temperature": 0.1, "fixed_share": 0.1},
    "c2bin": {
        **_MLP,
        "teacher_momentum": None,
        "student_temperature": 0.1,
        "contrast_temperature": 1.0,
        "cluster_weight": 1.0,
        "entropy_weight": 2.0,
    },
    "turtle": {"inner_steps": 10, "inner_learning_rate": 0.1, "entropy_weight": 10.0},
}
"""What each objective heeds besides what all do, with its value where it is left open; None is
fitted to the data."""

SPECIAL = frozenset(name for options in OPTIONS.values() for name in options)
"""Settings that not all objectives heed."""


def unused_settings(objective: ObjectiveName, given: Settings) -> dict[str, list[ObjectiveName]]:
    """The settings given that have no part in an objective, each with those that heed it.

    Args:
        objective: the name.
        given: settings of ``train`` by name; None is not given.
    """
    return {
        name: [other for other in OBJECTIVES if name in OPTIONS[other]]
        for name, value in given.items()
        if value is not None and name in SPECIAL and name not in OPTIONS[objective]
    }
