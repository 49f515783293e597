"""The objectives: whatever else needs to know of them asks here.

Knows no torch, since the command line checks settings with it. What a training step does is in
:mod:`ucls.objectives`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ucls.errors import UsageError

Settings = Mapping[str, Any]

_MLP: Settings = {"components": None, "hidden_dim": None, "bottleneck_dim": None}
_TEACHER: Settings = {
    **_MLP,
    "teacher_momentum": None,
    "student_temperature": 0.1,
    "teacher_temperature": 0.1,
    "prior": "uniform",
    "prior_strength": 0.4,
    "sinkhorn_iterations": 3,
    "n_smoothing": 1,
}
_PMI: Settings = {
    **_TEACHER,
    "marginal_momentum": 0.9,
    "beta": 0.6,
    "instance_weights": True,
}


@dataclass(frozen=True)
class Record:
    """An objective, as far as it is known without torch.

    Attributes:
        name: of the objective.
        help: what heads are trained for, in a few words.
        build: ``module:function`` from settings and task to the objective, see
            :func:`ucls.objectives.registry.build_objective`.
        options: what it heeds besides what all do, with its value where it is left open; None is
            fitted to the data.
        own_options: those that :class:`ucls.settings.config.TrainConfig` has no field for, with
            their types as pydantic knows them.
        scales: clusters of each classifier of a network, as multiples of those that are wanted;
            None: as many as merging needs.
        several_sizes: whether a network may have several classifiers.
        heads_divided_by: how many times fewer networks than usual fit, where each has several
            heads or takes many steps.
        linear: whether its heads are of one layer. They see the principal axes turned at random,
            since Adam moves all columns alike and small axes would count as much as large ones;
            and all columns move a logit at once, so the rates fall with the inputs.
        widest: hidden layer, in the paper and at most here.
        widest_bottleneck: embedding, in the paper and at most here; None: half of the hidden layer.
        fitted: what it takes instead of what usually fits the data: ``views``, the highest
            ``learning_rate`` per step, and the ``path`` of a weight over all steps; for 128 inputs
            if ``linear``.
        is_of_thesis: whether the thesis trained it, so that its presets hold for it.
        not_of_thesis: settings of the presets that were not meant for it.
    """

    name: str
    help: str
    build: str
    options: Settings
    own_options: Mapping[str, Any] = field(default_factory=dict)
    scales: tuple[float, ...] | None = None
    several_sizes: bool = True
    heads_divided_by: int = 1
    linear: bool = False
    widest: int = 512
    widest_bottleneck: int | None = None
    fitted: Settings = field(default_factory=dict)
    is_of_thesis: bool = False
    not_of_thesis: tuple[str, ...] = ()


RECORDS: dict[str, Record] = {
    record.name: record
    for record in (
        Record(
            name="ucls",
            help="the thesis: TEMI, with Sinkhorn centering",
            build="ucls.objectives.temi:build",
            options={**_PMI, "symmetric": False, "cross_entropy": 0.5, "n_smoothing": 4},
            is_of_thesis=True,
        ),
        Record(
            name="temi",
            help="mutual information with the neighbours",
            build="ucls.objectives.temi:build",
            options={**_PMI, "symmetric": True, "cross_entropy": 0.0, "prior": "none"},
            is_of_thesis=True,
            not_of_thesis=("train.cross_entropy",),
        ),
        Record(
            name="scan",
            help="neighbours alike, an even mean",
            build="ucls.objectives.scan:build",
            options={**_TEACHER, "entropy_weight": 4.0, "prior": "none"},
            is_of_thesis=True,
        ),
        Record(
            name="self-classifier",
            help="views alike, under a uniform prior",
            build="ucls.objectives.self_classifier:build",
            options={
                **_MLP,
                "n_views": 2,
                "student_temperature": 0.1,
                "column_temperature": 0.05,
                "learnable_classifier": True,
            },
            scales=(1, 2, 4, 8),
            heads_divided_by=4,
            widest=4096,
            widest_bottleneck=128,
        ),
        Record(
            name="uic",
            help="the pseudo-labels of the epoch before",
            build="ucls.objectives.uic:build",
            options={**_MLP, "student_temperature": 0.1, "fixed_share": 0.1},
            several_sizes=False,
        ),
        Record(
            name="c2bin",
            help="bootstrapped instances, contrasted clusters",
            build="ucls.objectives.c2bin:build",
            options={
                **_MLP,
                "teacher_momentum": None,
                "student_temperature": 0.1,
                "contrast_temperature": 1.0,
                "cluster_weight": 1.0,
                "entropy_weight": 2.0,
            },
            scales=(1, 2, 4),
            heads_divided_by=2,
        ),
        Record(
            name="turtle",
            help="what linear classifiers learn best",
            build="ucls.objectives.turtle:build",
            # Two longer steps in place of the paper's ten: a fifth of the work.
            options={
                "components": None,
                "inner_steps": 2,
                "inner_learning_rate": None,
                "entropy_weight": 10.0,
            },
            scales=(1,),
            heads_divided_by=2,
            linear=True,
            # Its labels need not follow the neighbours, and its weights are few.
            fitted={"learning_rate": 0.01, "path": 4.0, "views": "itself"},
        ),
    )
}
"""By name."""


def register(record: Record) -> None:
    """Adds an objective from outside of the package.

    Raises:
        UsageError: if its name is taken.
    """
    if record.name in RECORDS:
        raise UsageError(f"there is an objective {record.name!r} already: choose another name")
    taken = {**own_options(), **record.own_options}
    for name, kind in own_options().items():
        if taken[name] != kind:
            raise UsageError(f"{name} is another setting of {', '.join(users(name))}: rename it")
    RECORDS[record.name] = record


def objective_names() -> tuple[str, ...]:
    """The names of all objectives."""
    return tuple(RECORDS)


def own_options() -> dict[str, Any]:
    """The types of all settings that only records declare, by name."""
    return {name: kind for record in RECORDS.values() for name, kind in record.own_options.items()}


def special_settings() -> set[str]:
    """The settings that not all objectives heed."""
    return {name for record in RECORDS.values() for name in record.options}


def users(setting: str) -> list[str]:
    """The objectives that heed a special setting."""
    return [name for name, record in RECORDS.items() if setting in record.options]


def unused_settings(objective: str, given: Settings) -> dict[str, list[str]]:
    """The settings given that have no part in an objective, each with those that heed it.

    Args:
        objective: the name.
        given: settings of ``train`` by name; None is not given.
    """
    unused = special_settings() - RECORDS[objective].options.keys()
    return {
        name: users(name) for name, value in given.items() if value is not None and name in unused
    }
