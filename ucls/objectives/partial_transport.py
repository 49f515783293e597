"""Assigns the surest share of the rows to clusters that need not be of equal size.

Partial optimal transport of Zhang, Ren, He, "P2OT: Progressive Partial Optimal Transport for Deep
Imbalanced Clustering" (ICLR 2024). With P the prediction, it looks for the Q >= 0 that minimises

    <Q, -log P> - epsilon H(Q) + lambda KL(Q^T 1, rho / C 1)   with Q 1 <= 1 / N and 1^T Q 1 = rho,

which is an ordinary transport once a virtual cluster of cost 0 takes the mass 1 - rho that is left.

Shapes: H heads, V views, B images, N rows, C clusters.
"""

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from ucls.schedules import gaussian_rise

FIRST_SHARE = 0.1
"""rho at the start, as in the paper."""
EPSILON = 0.1
"""Of the entropy, as in the paper: Q goes with P^10."""
BATCHES = 10
"""That cluster sizes are averaged over. The paper keeps the predictions of as many in a queue and
transports all of these; what they add up to in each cluster is enough."""
LOWEST = -1e30
"""Of a logarithm: sums of some are still finite in float32."""


class Assignment(NamedTuple):
    """What the rows are assigned to."""

    probs: torch.Tensor
    """Q by row, [..., N, C]; rows sum to 1."""
    selected: torch.Tensor
    """The share of each row that is assigned, N Q 1, [..., N], 0..1; rho on average."""
    log_seen: torch.Tensor
    """The logarithm of what rows add up to in each cluster and, last, in the virtual one before the
    clusters are scaled, [..., 1, C + 1]: averaged with the one before."""


def partial_transport(
    logits: torch.Tensor,
    log_seen: torch.Tensor,
    *,
    mass: float | torch.Tensor,
    temperature: float,
    strength: float = 0.5,
    iterations: int = 3,
    weight: float | torch.Tensor = 1.0,
) -> Assignment:
    """Solves the transport by generalised scaling (Chizat et al. 2018, algorithm 1).

    The virtual cluster must take its mass, so it is scaled by all of what it lacks; the others pay
    lambda for what they lack, and are scaled by its power strength = lambda / (lambda + epsilon).
    All is done in logarithms, so that any finite logits will do. P is the softmax at a
    temperature of temperature / epsilon, so that rows of Q are as sharp as a softmax at
    ``temperature``.

    A batch holds few images of a small cluster, or none. Its sums over rows are therefore averaged
    with those of earlier batches (online Sinkhorn, Mensch and Peyré 2020): sizes, and rho, are then
    those of many batches together, and a batch of sure images gets more of the mass.

    Args:
        logits: [..., N, C]; leading axes (heads) are assigned independently.
        log_seen: of the batches before, [..., 1, C + 1], finite; scaling starts from it.
        mass: rho, in (0, 1].
        temperature: of the rows of Q, > 0.
        strength: of equal cluster sizes, in (0, 1).
        iterations: rounds of scaling rows, then clusters; at least 1.
        weight: of this batch in the average, in (0, 1]; 1 forgets the others.

    Returns:
        Float32 or finer. At the fixed point, with weight 1, the sizes Q^T 1 are such that
        lambda log(C size / rho) balances the price of each cluster.
    """
    log_kernel = _log_kernel(logits, temperature)
    one = log_kernel.new_ones(1)
    ones = one.expand(logits.shape[-1])
    log_sizes = torch.cat([mass * ones / len(ones), (1.0 - mass) * one]).log()
    power = torch.cat([strength * ones, one])
    log_new, log_old = (weight * one).log() - math.log(logits.shape[-2]), (1.0 - weight * one).log()
    by_cluster = power * (log_sizes - log_seen)
    for _ in range(iterations):
        by_row = -(log_kernel + by_cluster).logsumexp(dim=-1, keepdim=True)
        seen = (log_kernel + by_row).logsumexp(dim=-2, keepdim=True)
        averaged = torch.logaddexp(log_seen + log_old, seen + log_new)
        by_cluster = power * (log_sizes - averaged)
    scaled = log_kernel + by_cluster
    assigned = scaled[..., :-1]
    selected = assigned.logsumexp(dim=-1) - scaled.logsumexp(dim=-1)
    return Assignment(assigned.softmax(dim=-1), selected.exp(), averaged)


def _log_kernel(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """The logarithm of (C P)^(1 / epsilon), and 0 for the virtual cluster, [..., N, C + 1].

    A factor on all of P only changes how much the virtual cluster is scaled. With C, all are alike
    at the start, whatever the number of clusters.
    """
    dtype = torch.promote_types(logits.dtype, torch.float32)
    shifted = logits.to(dtype) - logits.to(dtype).amax(dim=-1, keepdim=True)
    log_probs = (shifted * (EPSILON / temperature)).log_softmax(dim=-1)
    log_kernel = (log_probs + math.log(logits.shape[-1])) / EPSILON
    return F.pad(log_kernel.clamp_min(LOWEST), (0, 1))


class PartialTransport(nn.Module):
    """Assigns batch after batch, while rho rises from 0.1 to 1 over the training.

    Args:
        n_heads: H.
        n_clusters: C.
        temperature: of the targets, > 0.
        strength: of equal cluster sizes, in (0, 1).
        iterations: of the scaling, for each batch.
    """

    log_seen: torch.Tensor
    n_batches: torch.Tensor

    def __init__(
        self,
        n_heads: int,
        n_clusters: int,
        *,
        temperature: float = 0.1,
        strength: float = 0.5,
        iterations: int = 3,
    ) -> None:
        super().__init__()
        self.temperature, self.strength, self.iterations = temperature, strength, iterations
        self.register_buffer("log_seen", torch.zeros(n_heads, 1, n_clusters + 1))
        self.register_buffer("n_batches", torch.zeros(()))

    @torch.no_grad()
    def forward(
        self, logits: torch.Tensor, progress: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Assigns the rows of all views together, and remembers what they add up to.

        Args:
            logits: of the teacher, [H, V, B, C].
            progress: share of the training that is done, 0..1.

        Returns:
            Probabilities [H, V, B, C], whose rows sum to 1, and the weight of each row in the loss,
            [H, V, B]: its assigned share over rho, which is 1 on average.
        """
        mass = gaussian_rise(FIRST_SHARE, progress)
        # In place: a CUDA graph finds its tensors where they were.
        self.n_batches.add_(1.0)
        assignment = partial_transport(
            logits.flatten(1, 2),
            self.log_seen,
            mass=mass,
            temperature=self.temperature,
            strength=self.strength,
            iterations=self.iterations,
            weight=(1.0 / self.n_batches).clamp_min(1.0 / BATCHES),
        )
        self.log_seen.copy_(assignment.log_seen)
        weights = (assignment.selected / mass).reshape(logits.shape[:-1])
        return assignment.probs.reshape(logits.shape), weights
