"""TEMI's objective (thesis 5.1.1) with the terms UCLS adds (thesis 5.2.7).

Shapes: H heads, B images, C clusters, m neighbours per image.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ucls.config import TrainConfig
from ucls.objectives.sinkhorn import sinkhorn_knopp
from ucls.schedules import cosine_rise


def pointwise_mutual_information(
    student_log_probs: torch.Tensor,
    teacher_probs: torch.Tensor,
    marginal: torch.Tensor,
    *,
    beta: float = 1.0,
) -> torch.Tensor:
    """Computes log sum_c (q_s(c|x) q_t(c|x'))^beta / q(c), eq. 5.5; eq. 5.3 at beta = 1.

    Args:
        student_log_probs: log q_s(c|x), [H, B, C].
        teacher_probs: q_t(c|x'), [H, B, C].
        marginal: q(c), [H, C], positive.
        beta: in (0, 1].

    Returns:
        [H, B].
    """
    log_product = student_log_probs + teacher_probs.log()
    return torch.logsumexp(beta * log_product - marginal.log().unsqueeze(-2), dim=-1)


def agreement_weights(
    teacher_probs: torch.Tensor, neighbor_teacher_probs: torch.Tensor
) -> torch.Tensor:
    """w(x, x') = mean over heads of sum_c q_t(c|x) q_t(c|x'), eqs. 5.7-5.8.

    Args:
        teacher_probs: q_t(c|x), [H, B, C].
        neighbor_teacher_probs: q_t(c|x'), [H, B, C].

    Returns:
        [B], in 0..1.
    """
    return (teacher_probs * neighbor_teacher_probs).sum(dim=-1).mean(dim=0)


def update_marginal(
    marginal: torch.Tensor, teacher_probs: torch.Tensor, *, momentum: float
) -> torch.Tensor:
    """EMA of the class marginal, eq. 5.4.

    Args:
        marginal: [H, C].
        teacher_probs: [..., H, B, C]; like the public TEMI code we average over all views that
            the teacher has seen, where eq. 5.4 names x' only.
        momentum: in [0, 1).

    Returns:
        [H, C].
    """
    axes = (*range(teacher_probs.ndim - 3), -2)
    return torch.lerp(teacher_probs.mean(dim=axes), marginal, momentum)


def cross_entropy_to_teacher(
    student_log_probs: torch.Tensor, teacher_probs: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of the student to the teacher's argmax, eqs. 5.10-5.11. [H, B, C] to [H, B]."""
    pseudo_labels = teacher_probs.argmax(dim=-1, keepdim=True)
    return -student_log_probs.gather(-1, pseudo_labels).squeeze(-1)


class TemiObjective(nn.Module):
    """TEMI's loss; every enhancement of UCLS is a switch of :class:`ucls.config.TrainConfig`.

    Args:
        config: temperatures, beta and the switches.
        n_heads: H.
        n_clusters: C.
    """

    marginal: torch.Tensor

    def __init__(self, config: TrainConfig, *, n_heads: int, n_clusters: int) -> None:
        super().__init__()
        self.config = config
        marginal = torch.full((n_heads, n_clusters), 1.0 / n_clusters)
        self.register_buffer("marginal", marginal)

    @property
    def n_neighbors(self) -> int:
        """Neighbours to draw per image: m of eq. 5.13."""
        return self.config.n_smoothing

    @property
    def n_student_views(self) -> int:
        """Views the student must see: x, and with the two-way loss its first neighbour."""
        return 2 if self.config.symmetric else 1

    @torch.no_grad()
    def teacher_probs(self, logits: torch.Tensor) -> torch.Tensor:
        """Sharpens and, if switched on, centers the teacher. [V, H, B, C] to the same."""
        temperature = self.config.teacher_temperature
        iterations = self.config.sinkhorn_iterations
        if iterations == 0:
            return (logits.float() / temperature).softmax(dim=-1)
        return sinkhorn_knopp(logits, temperature=temperature, iterations=iterations)

    def forward(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, progress: float
    ) -> torch.Tensor:
        """Computes the loss of every head and updates the marginal.

        Args:
            student_logits: [:attr:`n_student_views`, H, B, C]; view 0 is x.
            teacher_logits: [1 + m, H, B, C]; view 0 is x, the others are its neighbours.
            progress: share of the training that is done, 0..1.

        Returns:
            [H], eq. 5.9 averaged over the batch, with eq. 5.12 in place of eq. 5.6 unless the
            two-way loss is on.
        """
        views = self.teacher_probs(teacher_logits)
        probs, neighbor_probs = views[0], views[1:].mean(dim=0)
        self.marginal = update_marginal(
            self.marginal, views, momentum=self.config.marginal_momentum
        )
        log_probs = F.log_softmax(student_logits.float() / self.config.student_temperature, dim=-1)
        loss = self._one_way(log_probs[0], neighbor_probs, progress)
        if self.config.symmetric:
            loss = 0.5 * (loss + self._one_way(log_probs[1], probs, progress))
        if self.config.instance_weights:
            loss = loss * agreement_weights(probs, neighbor_probs)
        return loss.mean(dim=-1)

    def _one_way(
        self, student_log_probs: torch.Tensor, teacher_probs: torch.Tensor, progress: float
    ) -> torch.Tensor:
        loss = -pointwise_mutual_information(
            student_log_probs, teacher_probs, self.marginal, beta=self.config.beta
        )
        if self.config.cross_entropy > 0.0:
            weight = cosine_rise(self.config.cross_entropy, progress)
            loss = loss + weight * cross_entropy_to_teacher(student_log_probs, teacher_probs)
        return loss
