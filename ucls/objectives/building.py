"""What the objectives that are built alike share."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from ucls.heads.mlp import MlpHeads
from ucls.objectives.partial_transport import PartialTransport
from ucls.objectives.protocol import Objective
from ucls.objectives.student_teacher import StudentTeacher
from ucls.settings.config import TrainConfig, required


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


def classifier_sizes(config: TrainConfig, n_clusters: int) -> tuple[int, ...]:
    """The clusters of each classifier of a head."""
    return tuple(round(scale * n_clusters) for scale in required(config.scales))


def products_dtype(config: TrainConfig) -> torch.dtype:
    """The precision of the matrix products."""
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32


def mlp_heads(config: TrainConfig, task: Task) -> MlpHeads:
    """The heads of TEMI (thesis 5.1.1)."""
    return MlpHeads(
        required(config.n_heads),
        task.n_features,
        classifier_sizes(config, task.n_clusters),
        hidden_dim=required(config.hidden_dim),
        bottleneck_dim=required(config.bottleneck_dim),
        generator=torch.Generator().manual_seed(task.seed),
    )


def student_teacher(
    config: TrainConfig, task: Task, losses: Sequence[torch.nn.Module], *, n_student_views: int
) -> Objective:
    """A student and its teacher on such heads, with a loss for each size of classifiers."""
    prior, iterations = required(config.prior), required(config.sinkhorn_iterations)
    transports = [
        PartialTransport(
            required(config.n_heads),
            size,
            temperature=required(config.teacher_temperature),
            strength=required(config.prior_strength),
            iterations=iterations,
        )
        for size in classifier_sizes(config, task.n_clusters)
        if prior == "soft"
    ]
    return StudentTeacher(
        mlp_heads(config, task),
        losses,
        n_partners=required(config.n_smoothing),
        n_student_views=n_student_views,
        momentum=required(config.teacher_momentum),
        temperature=required(config.teacher_temperature),
        sinkhorn_iterations=0 if prior == "none" else iterations,
        transports=transports,
        dtype=products_dtype(config),
    )
