"""Multi-head training as such code is usually written: the peer that ours is measured against.

A ``ModuleList`` of heads, one after the other; a ``DataLoader`` that draws a neighbour for each row
in Python; student and teacher see both views, for the two-way loss (thesis eq. 5.6). The method is
that of ``ucls``: batch norm, Sinkhorn-Knopp centering, instance weights, cross-entropy term.
"""

import copy
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.data import DataLoader, Dataset

from ucls.config import TrainConfig, required
from ucls.graph import NeighborGraph
from ucls.objectives.sinkhorn import sinkhorn_knopp
from ucls.objectives.temi import (
    agreement_weights,
    cross_entropy_to_teacher,
    pointwise_mutual_information,
    update_marginal,
)
from ucls.schedules import cosine_rise, scale_to_batch, warmup_cosine

Features = npt.NDArray[np.floating]


class Pairs(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Each image with a random neighbour."""

    def __init__(self, features: Features, graph: NeighborGraph) -> None:
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
        self.mlp = nn.Sequential(
            nn.Linear(n_features, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, bottleneck),
        )
        self.last = weight_norm(nn.Linear(bottleneck, n_clusters, bias=False))
        for layer in self.mlp[::2]:
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        nn.init.ones_(self.last.parametrizations.weight.original0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [B, C] of features [B, D]."""
        logits: torch.Tensor = self.last(F.normalize(self.mlp(features), dim=-1))
        return logits


class StraightforwardTrainer:
    """Trains a list of heads, with a loader over the rows.

    Args:
        features: [N, D].
        graph: S_x of every image.
        config: of the objective ``ucls``, all fields set; one neighbour for each image.
        n_clusters: C.
        seed: of the initial weights and of all draws.
        device: where the networks live.
        two_way: the loss of eq. 5.6, as in TEMI's code, instead of its first half.
    """

    def __init__(
        self,
        features: Features,
        graph: NeighborGraph,
        config: TrainConfig,
        *,
        n_clusters: int,
        seed: int,
        device: torch.device,
        two_way: bool = True,
    ) -> None:
        torch.manual_seed(seed)
        self.config, self.device, self.two_way = config, device, two_way
        self.features = features
        n_heads, n_features = required(config.n_heads), features.shape[1]
        widths = required(config.hidden_dim), required(config.bottleneck_dim)
        self.batch_norm = nn.BatchNorm1d(n_features, affine=False).to(device)
        heads = (Head(n_features, n_clusters, *widths) for _ in range(n_heads))
        self.student = nn.ModuleList(heads).to(device)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.marginals = torch.full((n_heads, 1, n_clusters), 1.0 / n_clusters, device=device)
        self.optimizer = torch.optim.AdamW(self.student.parameters(), lr=0.0)
        batch_size = min(required(config.batch_size), len(features))
        self.loader = DataLoader(
            Pairs(features, graph), batch_size=batch_size, shuffle=True, drop_last=True
        )
        self.step_number = 0

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
            pairs = zip(self.student, self.teacher, strict=True)
            terms = [
                self._head_loss(head, student(views), teacher(views))
                for head, (student, teacher) in enumerate(pairs)
            ]
            weights = torch.stack([weight for _, weight in terms]).mean(dim=0)
            loss = torch.stack([(term * weights).mean() for term, _ in terms]).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self._update_teacher()
        self.step_number += 1
        return float(loss.detach())

    @torch.no_grad()
    def labels(self) -> npt.NDArray[np.int32]:
        """Each teacher head's cluster for each image, [H, N]."""
        self.batch_norm.eval()
        parts = []
        for chunk in torch.as_tensor(self.features, dtype=torch.float32).split(4096):
            views = self.batch_norm(chunk.to(self.device))
            parts.append(torch.stack([head(views).argmax(dim=-1) for head in self.teacher]))
        self.batch_norm.train()
        return torch.cat(parts, dim=1).cpu().numpy().astype(np.int32)

    def _head_loss(
        self, head: int, student: torch.Tensor, teacher: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of each pair [B] and the teacher's agreement on it [B]."""
        config = self.config
        tempered = student.float() / required(config.student_temperature)
        log_probs = torch.log_softmax(tempered, dim=-1).chunk(2)
        probs = [
            sinkhorn_knopp(
                view,
                temperature=required(config.teacher_temperature),
                iterations=required(config.sinkhorn_iterations),
            )[None]
            for view in teacher.float().chunk(2)
        ]
        self.marginals[head] = update_marginal(
            self.marginals[head], torch.stack(probs), momentum=required(config.marginal_momentum)
        )
        loss = self._one_way(head, log_probs[0], probs[1])
        if self.two_way:
            loss = 0.5 * (loss + self._one_way(head, log_probs[1], probs[0]))
        return loss, agreement_weights(*probs)

    def _one_way(
        self, head: int, log_probs: torch.Tensor, teacher_probs: torch.Tensor
    ) -> torch.Tensor:
        loss = -pointwise_mutual_information(
            log_probs[None], teacher_probs, self.marginals[head], beta=required(self.config.beta)
        )
        progress = self.step_number / (required(self.config.epochs) * len(self.loader))
        weight = cosine_rise(required(self.config.cross_entropy), progress)
        return (loss + weight * cross_entropy_to_teacher(log_probs[None], teacher_probs))[0]

    @torch.no_grad()
    def _update_teacher(self) -> None:
        momentum = required(self.config.teacher_momentum)
        for old, new in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            old.mul_(momentum).add_(new, alpha=1.0 - momentum)

    def _set_learning_rate(self) -> None:
        steps = len(self.loader)
        rate = warmup_cosine(
            self.step_number,
            peak=required(self.config.learning_rate),
            final=self.config.final_learning_rate,
            warmup_steps=required(self.config.warmup_epochs) * steps,
            total_steps=required(self.config.epochs) * steps,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = scale_to_batch(rate, required(self.config.batch_size))
            group["weight_decay"] = self.config.weight_decay
