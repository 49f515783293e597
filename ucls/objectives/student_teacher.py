"""Student heads and their moving average, the teacher: how TEMI, UCLS and SCAN train."""

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from ucls.heads.layers import by_size
from ucls.heads.protocol import Heads
from ucls.objectives.protocol import Batch, Epoch, by_view, each_image_once
from ucls.objectives.sinkhorn import sinkhorn_knopp


def center_teacher(
    logits: torch.Tensor, *, temperature: float, strength: float = 1.0, iterations: int = 3
) -> torch.Tensor:
    """Sharpens the teacher and, unless ``strength`` is 0, balances its clusters.

    Args:
        logits: [..., B, C]; leading axes are centered independently.
        temperature: of the softmax, > 0.
        strength: of equal cluster sizes, 0..1; 0 is the softmax alone.
        iterations: of Sinkhorn-Knopp.

    Returns:
        Probabilities [..., B, C], float32 or finer.
    """
    if strength == 0.0:
        dtype = torch.promote_types(logits.dtype, torch.float32)
        return (logits.to(dtype) / temperature).softmax(dim=-1)
    return sinkhorn_knopp(logits, temperature=temperature, iterations=iterations, strength=strength)


def student_log_probs(logits: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """The logarithm of the student's softmax (eq. 5.2), float32 or finer; [..., C] to the same."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return torch.log_softmax(logits.to(dtype) / temperature, dim=-1)


class StudentTeacher(nn.Module):
    """Trains a student against its exponential moving average.

    Args:
        heads: the student; the teacher starts as its copy.
        losses: for each size of classifiers a module that takes student logits
            [n_student_views, H, B, C], teacher probabilities [1 + n_partners, H, B, C] and the
            progress in 0..1, and gives the loss of each head, [H].
        n_partners: views that the teacher sees besides each image itself.
        n_student_views: first views, which the student sees.
        momentum: of the moving average per step, in [0, 1).
        temperature: of the teacher's softmax, > 0.
        prior_strength: of equal cluster sizes in the teacher's centering, 0..1.
        sinkhorn_iterations: of the centering.
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
        prior_strength: float = 1.0,
        sinkhorn_iterations: int = 3,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.student = cast("nn.Module", heads)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.losses = nn.ModuleList(losses)
        self.n_partners, self.n_student_views = n_partners, n_student_views
        self.momentum, self.temperature = momentum, temperature
        self.prior_strength, self.sinkhorn_iterations = prior_strength, sinkhorn_iterations
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
            strict=True,
        )
        losses = [
            loss(student_logits, self._center(teacher_logits), batch.progress)
            for loss, student_logits, teacher_logits in outputs
        ]
        return torch.cat(losses)

    @torch.no_grad()
    def _center(self, logits: torch.Tensor) -> torch.Tensor:
        # Heads before views, as they lie in memory: in another order each product would copy them.
        by_head = center_teacher(
            logits.transpose(0, 1),
            temperature=self.temperature,
            strength=self.prior_strength,
            iterations=self.sinkhorn_iterations,
        )
        return by_head.transpose(0, 1)

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
