"""Multi-head training as such code is usually written: the peer that ours is measured against.

A ``ModuleList`` of heads, one after the other; a ``DataLoader`` that draws a neighbour for each row
in Python; student and teacher see both views, for the two-way loss (thesis eq. 5.6). The method is
that of ``ucls``: batch norm, Sinkhorn-Knopp centering, instance weights, cross-entropy term.
"""

import copy
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.data import DataLoader, Dataset

from ucls.objectives import temi
from ucls.objectives.sinkhorn import sinkhorn_knopp
from ucls.schedules import cosine_rise, scale_to_batch, warmup_cosine
from ucls.types import NeighborGraph


class Pairs(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Each image with a random neighbour."""

    def __init__(self, features: npt.NDArray[Any], graph: NeighborGraph) -> None:
        self.features = torch.as_tensor(features, dtype=torch.float32)
        self.graph = graph

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        neighbors, _ = self.graph.row(row)
        drawn = int(neighbors[int(torch.randint(len(neighbors), ()))])
        return self.features[row], self.features[drawn]


class Head(nn.Module):
    """One multi-layer perceptron with a weight-normed last layer."""

    def __init__(self, n_features: int, n_clusters: int, hidden: int, bottleneck: int) -> None:
        super().__init__()
        first, second = nn.Linear(n_features, hidden), nn.Linear(hidden, hidden)
        third = nn.Linear(hidden, bottleneck)
        self.mlp = nn.Sequential(first, nn.GELU(), second, nn.GELU(), third)
        self.last = weight_norm(nn.Linear(bottleneck, n_clusters, bias=False))
        for layer in self.mlp[::2]:
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        nn.init.ones_(self.last.parametrizations.weight.original0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [B, C] of features [B, D]."""
        return self.last(F.normalize(self.mlp(features), dim=-1))  # type: ignore[no-any-return]


class StraightforwardTrainer:
    """Trains a list of heads, with a loader over the rows, by a configuration of ``ucls``.

    ``two_way`` takes the loss of eq. 5.6, as in TEMI's code, instead of its first half.
    """

    def __init__(
        self, features: npt.NDArray[Any], graph: NeighborGraph, config: Any, *, n_clusters: int,
        seed: int, device: torch.device, two_way: bool = True,
    ) -> None:  # fmt: skip
        torch.manual_seed(seed)
        self.config, self.device, self.two_way = config, device, two_way
        n_heads, n_features = config.n_heads, features.shape[1]
        widths = n_features, n_clusters, config.hidden_dim, config.bottleneck_dim
        self.batch_norm = nn.BatchNorm1d(n_features, affine=False).to(device)
        heads = (Head(*widths) for _ in range(n_heads))
        self.student = nn.ModuleList(heads).to(device)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.marginals = torch.full((n_heads, 1, n_clusters), 1.0 / n_clusters, device=device)
        self.optimizer = torch.optim.AdamW(self.student.parameters(), lr=0.0)
        batch_size = min(config.batch_size, len(features))
        self.pairs = Pairs(features, graph)
        self.loader = DataLoader(self.pairs, batch_size, shuffle=True, drop_last=True)
        self.step_number, self.n_steps = 0, config.epochs * len(self.loader)

    def train_epoch(self) -> float:
        """Goes once through the images; returns the mean loss."""
        return float(np.mean([self.step(*pair) for pair in self.loader]))

    def step(self, images: torch.Tensor, neighbors: torch.Tensor) -> float:
        """One step of the optimiser on views [B, D] of the same images; returns the loss."""
        self._set_learning_rate()
        self.student.train()
        views = self.batch_norm(torch.cat([images, neighbors]).to(self.device))
        is_half = self.config.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16) if is_half else nullcontext():
            terms = [
                self._head_loss(head, student(views), self.teacher[head](views))
                for head, student in enumerate(self.student)
            ]
            weights = torch.stack([weight for _, weight in terms]).mean(dim=0)
            loss = torch.stack([(term * weights).mean() for term, _ in terms]).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        momentum = self.config.teacher_momentum
        with torch.no_grad():
            for old, new in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
                old.mul_(momentum).add_(new, alpha=1.0 - momentum)
        self.step_number += 1
        return float(loss.detach())

    @torch.no_grad()
    def labels(self) -> npt.NDArray[np.int32]:
        """Each teacher head's cluster for each image, [H, N]."""
        self.batch_norm.eval()
        views = self.batch_norm(self.pairs.features.to(self.device))
        self.batch_norm.train()
        labels = torch.stack([head(views).argmax(dim=-1) for head in self.teacher])
        return labels.cpu().numpy().astype(np.int32)

    def _head_loss(
        self, head: int, student: torch.Tensor, teacher: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of each pair [B] and the teacher's agreement on it [B]."""
        config = self.config
        log_probs = torch.log_softmax(student.float() / config.student_temperature, dim=-1).chunk(2)
        temperature, iterations = config.teacher_temperature, config.sinkhorn_iterations
        probs = [
            sinkhorn_knopp(view, temperature=temperature, iterations=iterations)[None]
            for view in teacher.float().chunk(2)
        ]
        marginal, momentum = self.marginals[head], config.marginal_momentum
        marginal = temi.update_marginal(marginal, torch.stack(probs), momentum=momentum)
        self.marginals[head] = marginal
        weight = cosine_rise(config.cross_entropy, self.step_number / self.n_steps)
        losses = []
        for student_side, teacher_side in ((0, 1), (1, 0))[: 2 if self.two_way else 1]:
            views = log_probs[student_side][None], probs[teacher_side]
            gain = temi.pointwise_mutual_information(*views, marginal, beta=config.beta)
            losses.append((weight * temi.cross_entropy_to_teacher(*views) - gain)[0])
        return torch.stack(losses).mean(dim=0), temi.agreement_weights(*probs)

    def _set_learning_rate(self) -> None:
        config, warmup_steps = self.config, self.config.warmup_epochs * len(self.loader)
        rate = warmup_cosine(
            self.step_number, peak=config.learning_rate, final=config.final_learning_rate,
            warmup_steps=warmup_steps, total_steps=self.n_steps,
        )  # fmt: skip
        for group in self.optimizer.param_groups:
            group["lr"] = scale_to_batch(rate, config.batch_size)
            group["weight_decay"] = config.weight_decay
