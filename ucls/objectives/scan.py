"""SCAN's loss (Van Gansbeke et al. 2020) in the teacher-student loop (thesis table 6.19).

Shapes: H heads, B images, C clusters, m neighbours per image.
"""

import torch
from torch import nn

from ucls.objectives.building import Task, student_teacher
from ucls.objectives.entropy import entropy_of_mean
from ucls.objectives.protocol import Objective
from ucls.objectives.student_teacher import both_ways, student_log_probs
from ucls.settings.config import TrainConfig, required


def consistency(log_probs: torch.Tensor, neighbor_probs: torch.Tensor) -> torch.Tensor:
    """Computes -log <p(x), p(x')>, the first term of SCAN's eq. 2.

    Args:
        log_probs: log p(c|x), [..., B, C].
        neighbor_probs: p(c|x'), [..., B, C].

    Returns:
        [..., B].
    """
    return -torch.logsumexp(log_probs + neighbor_probs.log(), dim=-1)


class ScanLoss(nn.Module):
    """Consistency with the neighbours minus the weighted entropy of the mean prediction.

    In the thesis's loop the neighbours are the teacher's, so no gradient flows through them.

    Args:
        entropy_weight: lambda; 4 in thesis table 6.19.
        student_temperature: of the student's softmax, > 0.
    """

    def __init__(self, *, entropy_weight: float = 4.0, student_temperature: float = 0.1) -> None:
        super().__init__()
        self.entropy_weight, self.student_temperature = entropy_weight, student_temperature

    def forward(
        self,
        student_logits: torch.Tensor,
        teacher_probs: torch.Tensor,
        progress: float | torch.Tensor,
        *,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Computes the loss of every head.

        Args:
            student_logits: [2, H, B, C]; view 0 is x, view 1 its first neighbour. Both ways count
                alike, as in TEMI's code.
            teacher_probs: [1 + m, H, B, C]; view 0 is x, the others are its neighbours.
            progress: of the training; not used.
            weights: of the teacher's probabilities in the consistency, [1 + m, H, B], at least 0;
                None weighs all alike.

        Returns:
            [H].
        """
        log_probs = student_log_probs(student_logits, temperature=self.student_temperature)
        targets = both_ways(teacher_probs, weights)
        terms = consistency(log_probs, torch.stack([target.probs for target in targets]))
        terms = terms * torch.stack([target.weights for target in targets])
        terms = terms.mean(dim=-1) - self.entropy_weight * entropy_of_mean(log_probs)
        return terms.mean(dim=0)


def build(config: TrainConfig, task: Task) -> Objective:
    """Builds SCAN, with a loss for each size of classifiers."""
    losses = [
        ScanLoss(
            entropy_weight=required(config.entropy_weight),
            student_temperature=required(config.student_temperature),
        )
        for _ in required(config.scales)
    ]
    return student_teacher(config, task, losses, n_student_views=2)
