"""From the settings of a training to its objective."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch

from ucls.heads.linear import LinearHeads
from ucls.heads.mlp import MlpHeads
from ucls.heads.projection import ProjectionHeads
from ucls.objectives.c2bin import C2Bin
from ucls.objectives.protocol import Objective
from ucls.objectives.scan import ScanLoss
from ucls.objectives.self_classifier import SelfClassifier
from ucls.objectives.student_teacher import StudentTeacher
from ucls.objectives.temi import TemiLoss
from ucls.objectives.turtle import Turtle
from ucls.objectives.uic import Uic
from ucls.settings.config import TrainConfig, required
from ucls.settings.objectives import ObjectiveName


class Task(NamedTuple):
    """What heads are trained for."""

    n_images: int
    """N."""
    n_features: int
    """D."""
    n_clusters: int
    """C."""
    spaces: Sequence[int]
    """Width of each feature space; they sum to D."""
    seed: int
    """Of the initial weights."""


def build_objective(config: TrainConfig, task: Task) -> Objective:
    """Builds the objective of a training, on the CPU.

    Args:
        config: all fields set that the objective heeds, as
            :func:`ucls.settings.fitting.autoconfigure` leaves them.
        task: sizes, and the seed of the initial weights.
    """
    return BUILDERS[config.objective](config, task)


def classifier_sizes(config: TrainConfig, n_clusters: int) -> tuple[int, ...]:
    """The clusters of each classifier of a head."""
    return tuple(round(scale * n_clusters) for scale in required(config.scales))


def products_dtype(config: TrainConfig) -> torch.dtype:
    """The precision of the matrix products."""
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32


def _mlp(config: TrainConfig, task: Task) -> MlpHeads:
    return MlpHeads(
        required(config.n_heads),
        task.n_features,
        classifier_sizes(config, task.n_clusters),
        hidden_dim=required(config.hidden_dim),
        bottleneck_dim=required(config.bottleneck_dim),
        generator=torch.Generator().manual_seed(task.seed),
    )


def _student_teacher(
    config: TrainConfig, task: Task, losses: Sequence[torch.nn.Module], *, n_student_views: int
) -> Objective:
    strengths = {"uniform": 1.0, "none": 0.0, "soft": config.prior_strength}
    return StudentTeacher(
        _mlp(config, task),
        losses,
        n_partners=required(config.n_smoothing),
        n_student_views=n_student_views,
        momentum=required(config.teacher_momentum),
        temperature=required(config.teacher_temperature),
        prior_strength=required(strengths[required(config.prior)]),
        sinkhorn_iterations=required(config.sinkhorn_iterations),
        dtype=products_dtype(config),
    )


def _temi(config: TrainConfig, task: Task) -> Objective:
    losses = [
        TemiLoss(
            required(config.n_heads),
            size,
            beta=required(config.beta),
            student_temperature=required(config.student_temperature),
            marginal_momentum=required(config.marginal_momentum),
            instance_weights=required(config.instance_weights),
            symmetric=required(config.symmetric),
            cross_entropy=required(config.cross_entropy),
        )
        for size in classifier_sizes(config, task.n_clusters)
    ]
    return _student_teacher(config, task, losses, n_student_views=2 if config.symmetric else 1)


def _scan(config: TrainConfig, task: Task) -> Objective:
    losses = [
        ScanLoss(
            entropy_weight=required(config.entropy_weight),
            student_temperature=required(config.student_temperature),
        )
        for _ in required(config.scales)
    ]
    return _student_teacher(config, task, losses, n_student_views=2)


def _self_classifier(config: TrainConfig, task: Task) -> Objective:
    heads = ProjectionHeads(
        required(config.n_heads),
        task.n_features,
        classifier_sizes(config, task.n_clusters),
        hidden_dim=required(config.hidden_dim),
        bottleneck_dim=required(config.bottleneck_dim),
        learnable_classifier=required(config.learnable_classifier),
        generator=torch.Generator().manual_seed(task.seed),
    )
    return SelfClassifier(
        heads,
        n_views=required(config.n_views),
        row_temperature=required(config.student_temperature),
        column_temperature=required(config.column_temperature),
        dtype=products_dtype(config),
    )


def _uic(config: TrainConfig, task: Task) -> Objective:
    return Uic(
        _mlp(config, task),
        task.n_images,
        temperature=required(config.student_temperature),
        fixed_share=required(config.fixed_share),
        dtype=products_dtype(config),
    )


def _c2bin(config: TrainConfig, task: Task) -> Objective:
    return C2Bin(
        _mlp(config, task),
        momentum=required(config.teacher_momentum),
        membership_temperature=required(config.student_temperature),
        contrast_temperature=required(config.contrast_temperature),
        cluster_weight=required(config.cluster_weight),
        entropy_weight=required(config.entropy_weight),
        dtype=products_dtype(config),
        generator=torch.Generator().manual_seed(task.seed + 1),
    )


def _turtle(config: TrainConfig, task: Task) -> Objective:
    heads = LinearHeads(
        required(config.n_heads),
        task.n_features,
        classifier_sizes(config, task.n_clusters),
        spaces=task.spaces,
        generator=torch.Generator().manual_seed(task.seed),
    )
    return Turtle(
        heads,
        inner_steps=required(config.inner_steps),
        inner_learning_rate=required(config.inner_learning_rate),
        entropy_weight=required(config.entropy_weight),
        dtype=products_dtype(config),
    )


BUILDERS: Mapping[ObjectiveName, Callable[[TrainConfig, Task], Objective]] = {
    "ucls": _temi,
    "temi": _temi,
    "scan": _scan,
    "self-classifier": _self_classifier,
    "uic": _uic,
    "c2bin": _c2bin,
    "turtle": _turtle,
}
