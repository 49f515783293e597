"""TEMI's objective (thesis 5.1.1) with the terms UCLS adds (thesis 5.2.7).

Shapes: H heads, B images, C clusters, m neighbours per image.
"""

from typing import Any, NamedTuple

import torch
from torch import nn

from ucls.objectives.building import Task, classifier_sizes, student_teacher
from ucls.objectives.protocol import Objective
from ucls.objectives.student_teacher import both_ways, student_log_probs
from ucls.schedules import cosine_rise
from ucls.settings.config import TrainConfig, required


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
    # A cluster that the teacher has given up has no marginal left, and no part in the sum.
    log_marginal = marginal.clamp_min(torch.finfo(marginal.dtype).tiny).log()
    # Each sum with its factor is one pass over memory, which is what this costs.
    from_teacher = torch.add(-log_marginal.unsqueeze(-2), teacher_probs.log(), alpha=beta)
    return torch.logsumexp(torch.add(from_teacher, student_log_probs, alpha=beta), dim=-1)


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


class OneWay(NamedTuple):
    """What the one-way loss is made of."""

    marginal: torch.Tensor
    """q(c), [H, C], positive."""
    beta: float
    temperature: float
    """Of the student's softmax."""
    cross_entropy: float | torch.Tensor | None
    """Its weight now, at least 0; None is off."""


class OneWayLoss(torch.autograd.Function):
    """The mean over a batch of eq. 5.12, weighted, with its gradient in closed form.

    With p = q_s(.|x), r = softmax(beta log(q_s q_t) - log q) and y the teacher's argmax, its
    gradient with respect to the student's logits over the temperature is
    beta (p - r) + lambda (p - [c = y]). Taken in one go, that costs a third of what autograd takes
    through the functions above, which say the same.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        teacher_probs: torch.Tensor,
        weights: torch.Tensor,
        terms: "OneWay",
    ) -> torch.Tensor:
        """Computes the loss of every head.

        Args:
            ctx: keeps the gradient.
            logits: of the student, [H, B, C].
            teacher_probs: q_t(c|x'), [H, B, C].
            weights: of the images, [H, B].
            terms: what it is made of.

        Returns:
            [H].
        """
        marginal, beta, temperature, cross_entropy = terms
        log_probs = student_log_probs(logits, temperature=temperature)
        log_marginal = marginal.clamp_min(torch.finfo(marginal.dtype).tiny).log()
        joint = teacher_probs.log().add_(log_probs).mul_(beta).sub_(log_marginal.unsqueeze(-2))
        largest = joint.amax(dim=-1, keepdim=True)
        responsibility = joint.sub_(largest).exp_()
        total = responsibility.sum(dim=-1, keepdim=True)
        loss = -(total.log() + largest).squeeze(-1)
        # The factor of p is taken out, and multiplied with the weights in the end.
        factor = beta if cross_entropy is None else beta + cross_entropy
        gradient = responsibility.mul_(-beta / factor / total)
        if cross_entropy is not None:
            pseudo_labels = teacher_probs.max(dim=-1, keepdim=True).indices
            loss = loss - cross_entropy * log_probs.gather(-1, pseudo_labels).squeeze(-1)
            share = (cross_entropy / factor) * torch.ones_like(largest)
            gradient.scatter_add_(-1, pseudo_labels, -share)
        gradient.add_(log_probs.exp_())
        ctx.dtype = logits.dtype
        scale = factor / (temperature * weights.shape[-1])
        ctx.save_for_backward(gradient.mul_(weights.unsqueeze(-1) * scale))
        return (loss * weights).mean(dim=-1)

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Takes the slope of each head's loss, [H]."""
        (gradient,) = ctx.saved_tensors
        return (gradient * slope[:, None, None]).to(ctx.dtype), None, None, None


class TemiLoss(nn.Module):
    """TEMI's loss (eq. 5.9), with the terms of UCLS as switches (eq. 5.12); keeps the marginal.

    Args:
        n_heads: H.
        n_clusters: C.
        beta: exponent in the pointwise mutual information (eq. 5.5), in (0, 1].
        student_temperature: of the student's softmax, > 0.
        marginal_momentum: of the class marginal (eq. 5.4), in [0, 1]; 1 keeps it even.
        instance_weights: weight pairs by the mean teacher agreement over heads (eqs. 5.7-5.8).
        symmetric: the two-way loss (eq. 5.6); needs the student's logits of the first partner.
        cross_entropy: final weight of the cross-entropy term (eqs. 5.10-5.12); 0 is off.
    """

    marginal: torch.Tensor

    def __init__(
        self,
        n_heads: int,
        n_clusters: int,
        *,
        beta: float = 0.6,
        student_temperature: float = 0.1,
        marginal_momentum: float = 0.9,
        instance_weights: bool = True,
        symmetric: bool = False,
        cross_entropy: float = 0.5,
    ) -> None:
        super().__init__()
        self.beta, self.student_temperature = beta, student_temperature
        self.marginal_momentum, self.instance_weights = marginal_momentum, instance_weights
        self.symmetric, self.cross_entropy = symmetric, cross_entropy
        marginal = torch.full((n_heads, n_clusters), 1.0 / n_clusters)
        self.register_buffer("marginal", marginal)

    def forward(
        self,
        student_logits: torch.Tensor,
        teacher_probs: torch.Tensor,
        progress: float | torch.Tensor,
        *,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Computes the loss of every head and updates the marginal.

        Args:
            student_logits: [1 or 2, H, B, C]; view 0 is x, view 1 its first neighbour.
            teacher_probs: [1 + m, H, B, C]; view 0 is x, the others are its neighbours, whose
                mean is the target (eq. 5.13).
            progress: share of the training that is done, 0..1.
            weights: of the teacher's probabilities in the loss, [1 + m, H, B], at least 0; None
                weighs all 1.

        Returns:
            [H], eq. 5.9 averaged over the batch, with eq. 5.12 in place of eq. 5.6 unless the
            two-way loss is on.
        """
        targets = both_ways(teacher_probs, weights)
        # In place: a CUDA graph finds its tensors where they were.
        self.marginal.copy_(
            update_marginal(self.marginal, teacher_probs, momentum=self.marginal_momentum)
        )
        is_on = self.cross_entropy > 0.0
        cross_entropy = cosine_rise(self.cross_entropy, progress) if is_on else None
        terms = OneWay(self.marginal, self.beta, self.student_temperature, cross_entropy)
        agreement: float | torch.Tensor = 1.0
        if self.instance_weights:
            agreement = agreement_weights(teacher_probs[0], targets[0].probs)
        losses = [
            OneWayLoss.apply(student_logits[view], target.probs, target.weights * agreement, terms)
            for view, target in enumerate(targets if self.symmetric else targets[:1])
        ]
        return torch.stack(losses).mean(dim=0)


def build(config: TrainConfig, task: Task) -> Objective:
    """Builds TEMI, or UCLS, with a loss for each size of classifiers.

    Dividing by the class marginal asks for equal sizes. Where a soft prior is to see to the sizes,
    the marginal stays even, and has no part.
    """
    is_soft = config.prior == "soft"
    losses = [
        TemiLoss(
            required(config.n_heads),
            size,
            beta=required(config.beta),
            student_temperature=required(config.student_temperature),
            marginal_momentum=1.0 if is_soft else required(config.marginal_momentum),
            instance_weights=required(config.instance_weights),
            symmetric=required(config.symmetric),
            cross_entropy=required(config.cross_entropy),
        )
        for size in classifier_sizes(config, task.n_clusters)
    ]
    return student_teacher(config, task, losses, n_student_views=2 if config.symmetric else 1)
