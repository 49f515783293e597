"""Student heads and their moving average, the teacher: how TEMI, UCLS and SCAN train."""

import copy
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import nn

from ucls.heads.layers import by_size
from ucls.heads.protocol import Heads
from ucls.objectives.protocol import Batch, Epoch, by_view, each_image_once
from ucls.objectives.sinkhorn import sinkhorn_knopp


def center_teacher(
    logits: torch.Tensor, *, temperature: float, iterations: int = 3
) -> torch.Tensor:
    """Sharpens the teacher and, unless ``iterations`` is 0, balances its clusters.

    Args:
        logits: [..., B, C]; leading axes are centered independently.
        temperature: of the softmax, > 0.
        iterations: of Sinkhorn-Knopp; 0 is the softmax alone.

    Returns:
        Probabilities [..., B, C], float32 or finer.
    """
    if iterations == 0:
        dtype = torch.promote_types(logits.dtype, torch.float32)
        return (logits.to(dtype) / temperature).softmax(dim=-1)
    return sinkhorn_knopp(logits, temperature=temperature, iterations=iterations)


class Target(NamedTuple):
    """What a view of the student is to agree with."""

    probs: torch.Tensor
    """[H, B, C]; rows sum to 1."""
    weights: torch.Tensor
    """Of the rows in the loss, [H, B], at least 0."""


def both_ways(probs: torch.Tensor, weights: torch.Tensor | None = None) -> tuple[Target, Target]:
    """The targets of an image, which is the mean of its partners (eq. 5.13), and of a partner.

    Args:
        probs: of the teacher, [1 + m, H, B, C]; view 0 is the image itself, the others are its
            partners.
        weights: of these probabilities, [1 + m, H, B], at least 0; None weighs all 1.
    """
    if weights is None:
        ones = probs.new_ones(probs.shape[1:-1])
        # One alone is its mean, and need not be copied.
        mean = probs[1] if len(probs) == 2 else probs[1:].mean(dim=0)
        return Target(mean, ones), Target(probs[0], ones)
    # Where no partner has any weight, neither has their mean, but it is finite.
    shares = weights[1:] + torch.finfo(weights.dtype).tiny
    shares = shares / shares.sum(dim=0)
    mean = (shares.unsqueeze(-1) * probs[1:]).sum(dim=0)
    return Target(mean, weights[1:].mean(dim=0)), Target(probs[0], weights[0])


def student_log_probs(logits: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """The logarithm of the student's softmax (eq. 5.2), float32 or finer; [..., C] to the same."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return torch.log_softmax(logits.to(dtype) / temperature, dim=-1)


class StudentTeacher(nn.Module):
    """Trains a student against its exponential moving average.

    Args:
        heads: the student; the teacher starts as its copy.
        losses: for each size of classifiers a module that takes student logits
            [n_student_views, H, B, C], teacher probabilities [1 + n_partners, H, B, C], the
            progress in 0..1 and by keyword the weights of these probabilities [1 + n_partners, H,
            B], or None, and gives the loss of each head, [H].
        n_partners: views that the teacher sees besides each image itself.
        n_student_views: first views, which the student sees.
        momentum: of the moving average per step, in [0, 1).
        temperature: of the teacher's softmax, > 0.
        sinkhorn_iterations: of the teacher's centering; 0 is none.
        transports: for each size of classifiers what takes the place of the centering: a module
            that takes teacher logits [H, 1 + n_partners, B, C] and the progress, and gives
            probabilities and their weights, of the same shapes. Empty: the centering.
        dtype: of the matrix products.
    """

    def __init__(
        self,
        heads: Heads,
        losses: Sequence[nn.Module],
        *,
        n_partners: int,
        n_student_views: int,
        momentum: float,
        temperature: float = 0.1,
        sinkhorn_iterations: int = 3,
        transports: Sequence[nn.Module] = (),
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.student = cast("nn.Module", heads)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.losses = nn.ModuleList(losses)
        self.n_partners, self.n_student_views = n_partners, n_student_views
        self.momentum, self.temperature = momentum, temperature
        self.sinkhorn_iterations = sinkhorn_iterations
        self.transports = nn.ModuleList(transports)
        self.dtype = dtype

    @property
    def heads(self) -> Heads:
        """The teacher."""
        return cast("Heads", self.teacher)

    def start_epoch(self, epoch: Epoch) -> torch.Tensor:
        """Each image once, int64 [N]."""
        return each_image_once(epoch)

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of each head, [R]."""
        with torch.no_grad():
            teacher = self.teacher(batch.views.flatten(0, 1), dtype=self.dtype)
        student = self.student(batch.views[: self.n_student_views].flatten(0, 1), dtype=self.dtype)
        outputs = zip(
            self.losses,
            by_size(by_view(student, self.n_student_views), self.heads.sizes),
            by_size(by_view(teacher, len(batch.views)), self.heads.sizes),
            self.transports or [None] * len(self.losses),
            strict=True,
        )
        losses = []
        for loss, student_logits, teacher_logits, transport in outputs:
            probs, weights = self._targets(teacher_logits, transport, batch.progress)
            losses.append(loss(student_logits, probs, batch.progress, weights=weights))
        return torch.cat(losses)

    @torch.no_grad()
    def _targets(
        self, logits: torch.Tensor, transport: nn.Module | None, progress: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        # Heads before views, as they lie in memory: in another order each product would copy them.
        by_head = logits.transpose(0, 1)
        if transport is not None:
            probs, weights = transport(by_head, progress)
            return probs.transpose(0, 1), weights.transpose(0, 1)
        centered = center_teacher(
            by_head, temperature=self.temperature, iterations=self.sinkhorn_iterations
        )
        return centered.transpose(0, 1), None

    @torch.no_grad()
    def after_step(self) -> None:
        """Moves the teacher towards the student."""
        teacher: list[torch.Tensor] = list(self.teacher.parameters())
        student: list[torch.Tensor] = list(self.student.parameters())
        torch._foreach_lerp_(teacher, student, 1.0 - self.momentum)

    def weights(self) -> list[nn.Parameter]:
        """The student's weights."""
        return cast("Heads", self.student).weights()

    def biases(self) -> list[nn.Parameter]:
        """The student's biases."""
        return cast("Heads", self.student).biases()
