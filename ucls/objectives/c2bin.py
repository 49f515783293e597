"""C2BIN: contrasting clusters while bootstrapping instances.

Shapes: H heads, B images of a batch, K clusters, b width of the representation.
"""

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from ucls.heads.layers import by_size, new_weight
from ucls.heads.mlp import MlpHeads
from ucls.heads.protocol import Heads
from ucls.objectives.building import Task, mlp_heads, products_dtype
from ucls.objectives.protocol import Batch, Epoch, Objective, by_view, each_image_once
from ucls.settings.config import TrainConfig, required

SMALLEST_MASS = 1e-12


def alignment_loss(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The cosine distance between predictor and follower, C2BIN's eq. 1.

    Args:
        prediction: of the runner's predictor, [H, B, b].
        target: of the follower's projector, [H, B, b]; no gradient flows into it.

    Returns:
        [H], in 0..2.
    """
    return 1.0 - F.cosine_similarity(prediction, target.detach(), dim=-1).mean(dim=-1)


def assignment_contrast(
    memberships: torch.Tensor, other: torch.Tensor, *, temperature: float = 1.0
) -> torch.Tensor:
    """Contrasts the batch-wise cluster assignment vectors of two views, C2BIN's eq. 4.

    The columns of the memberships are the vectors: a cluster of one view attracts itself in the
    other view, and repels all others there.

    Args:
        memberships: of one view, [H, B, K]; rows sum to 1.
        other: of the other view, [H, B, K].
        temperature: tau, > 0.

    Returns:
        [H].
    """
    # [H, K, B] times [H, B, K]: entry (i, j) is c'_i . c''_j / tau.
    products = torch.bmm(memberships.transpose(1, 2), other / temperature)
    own = products.diagonal(dim1=1, dim2=2).clone()
    products.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
    return (products.logsumexp(dim=-1) - own).mean(dim=-1)


def mass_entropy(memberships: torch.Tensor) -> torch.Tensor:
    """The entropy of the cluster masses (eq. 5), as shares of the batch. [H, B, K] to [H].

    Of the masses as they are it is B times as large, but for a constant.
    """
    masses = memberships.mean(dim=1)
    # The slope of the entropy at a cluster without any mass is infinite.
    entropy: torch.Tensor = torch.special.entr(masses.clamp_min(SMALLEST_MASS)).sum(dim=-1)
    return entropy


def cluster_loss(
    memberships: torch.Tensor,
    other: torch.Tensor,
    *,
    temperature: float = 1.0,
    entropy_weight: float = 1.0,
) -> torch.Tensor:
    """C2BIN's eq. 5; arguments as for :func:`assignment_contrast`, returns [H]."""
    contrast = assignment_contrast(memberships, other, temperature=temperature)
    return contrast - entropy_weight * mass_entropy(memberships)


class Perceptrons(nn.Module):
    """H perceptrons b -> b -> b with one hidden layer of ReLUs.

    Args:
        n_heads: H.
        width: b.
        generator: source of the initial weights, on the CPU.
    """

    def __init__(self, n_heads: int, width: int, *, generator: torch.Generator | None) -> None:
        super().__init__()
        # Smaller weights let the biases alone say where the follower is, the same for all images.
        std = width**-0.5
        self.hidden_weight = new_weight(n_heads, width, width, generator=generator, std=std)
        self.hidden_bias = nn.Parameter(torch.zeros(n_heads, 1, width))
        self.weight = new_weight(n_heads, width, width, generator=generator, std=std)
        self.bias = nn.Parameter(torch.zeros(n_heads, 1, width))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """[H, B, b] to the same, in the inputs' precision."""
        dtype = inputs.dtype
        hidden = torch.baddbmm(self.hidden_bias.to(dtype), inputs, self.hidden_weight.to(dtype))
        return torch.baddbmm(self.bias.to(dtype), F.relu(hidden), self.weight.to(dtype))


class C2Bin(nn.Module):
    """A runner that aligns with its moving average, the follower, and contrasts its clusters.

    The encoder is that of the heads, without the last layer; their classifiers are the cluster
    predictors.

    Args:
        heads: the runner's encoder and cluster predictors, of one or several sizes (eq. 6).
        momentum: of the follower per step (eq. 8), in [0, 1).
        membership_temperature: of the softmax over clusters, > 0.
        contrast_temperature: tau of eq. 4 in units of B / K, the product of an even, sharp cluster
            with itself, > 0. The paper's tau of 1 at B = 256 and K = 10 is 0.04 here, where with
            neighbours as views few clusters stay occupied.
        cluster_weight: of the cluster loss against the alignment (eq. 7).
        entropy_weight: of the masses' entropy in the cluster loss (eq. 5).
        dtype: of the matrix products.
        generator: source of the initial weights, on the CPU.
    """

    n_partners = 1

    def __init__(
        self,
        heads: MlpHeads,
        *,
        momentum: float = 0.995,
        membership_temperature: float = 0.1,
        contrast_temperature: float = 1.0,
        cluster_weight: float = 1.0,
        entropy_weight: float = 2.0,
        dtype: torch.dtype = torch.float32,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        width = heads.bottleneck_bias.shape[-1]
        self.runner = heads
        self.projector = Perceptrons(heads.n_heads, width, generator=generator)
        self.predictor = Perceptrons(heads.n_heads, width, generator=generator)
        self.follower = copy.deepcopy(self.runner).requires_grad_(False)
        self.follower_projector = copy.deepcopy(self.projector).requires_grad_(False)
        self.momentum, self.temperature = momentum, membership_temperature
        self.contrast_temperature = contrast_temperature
        self.cluster_weight, self.entropy_weight = cluster_weight, entropy_weight
        self.dtype = dtype

    @property
    def heads(self) -> Heads:
        """The runner."""
        return cast("Heads", self.runner)

    def start_epoch(self, epoch: Epoch) -> torch.Tensor:
        """Each image once, int64 [N]."""
        return each_image_once(epoch)

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of each head, [R]: its cluster loss, and an equal share of the alignment."""
        representations = self.runner.embed(batch.views.flatten(0, 1), dtype=self.dtype)
        align = self._align(by_view(representations, 2)[0], batch.views[1])
        logits = by_view(self.runner.classify(representations), 2) / self.temperature
        sizes = self.runner.sizes
        losses = [
            align / len(sizes) + self.cluster_weight * self._contrast(part.softmax(dim=-1))
            for part in by_size(logits, sizes)
        ]
        return torch.cat(losses)

    def _align(self, representation: torch.Tensor, other_view: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            target = self.follower_projector(self.follower.embed(other_view, dtype=self.dtype))
        prediction = self.predictor(self.projector(representation))
        return alignment_loss(prediction.float(), target.float())

    def _contrast(self, memberships: torch.Tensor) -> torch.Tensor:
        n_images, n_clusters = memberships.shape[-2:]
        return cluster_loss(
            memberships[0],
            memberships[1],
            temperature=self.contrast_temperature * n_images / n_clusters,
            entropy_weight=self.entropy_weight,
        )

    @torch.no_grad()
    def after_step(self) -> None:
        """Moves the follower towards the runner."""
        pairs = ((self.follower, self.runner), (self.follower_projector, self.projector))
        for follower, runner in pairs:
            ours: list[torch.Tensor] = list(follower.parameters())
            theirs: list[torch.Tensor] = list(runner.parameters())
            torch._foreach_lerp_(ours, theirs, 1.0 - self.momentum)

    def weights(self) -> list[nn.Parameter]:
        """The weights of the runner, its projector and its predictor."""
        return [*self.runner.weights(), *self._extra("weight")]

    def biases(self) -> list[nn.Parameter]:
        """The biases of the runner, its projector and its predictor."""
        return [*self.runner.biases(), *self._extra("bias")]

    def _extra(self, kind: str) -> Sequence[nn.Parameter]:
        modules = (self.projector, self.predictor)
        return [p for module in modules for name, p in module.named_parameters() if kind in name]


def build(config: TrainConfig, task: Task) -> Objective:
    """Builds C2BIN."""
    return C2Bin(
        mlp_heads(config, task),
        momentum=required(config.teacher_momentum),
        membership_temperature=required(config.student_temperature),
        contrast_temperature=required(config.contrast_temperature),
        cluster_weight=required(config.cluster_weight),
        entropy_weight=required(config.entropy_weight),
        dtype=products_dtype(config),
        generator=torch.Generator().manual_seed(task.seed + 1),
    )
