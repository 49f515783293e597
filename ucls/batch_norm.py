"""Batch norm over other images than those of one process.

Shapes: B images of this process, D columns.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ucls.ranks import summed, world_size

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d


def share_batch_statistics(network: nn.Module) -> None:
    """Makes batch norm take the mean and variance over all ranks, in place."""
    if world_size() > 1:
        _replace(network, _SharedBatchNorm)


def split_batch_statistics(network: nn.Module, n_groups: int) -> None:
    """Makes batch norm take means and variances over groups of neighbouring images, in place.

    Args:
        network: whose batch norm is replaced.
        n_groups: of this process's images, each with as many, but for one.
    """
    _replace(network, lambda norm: _SplitBatchNorm(norm, n_groups))


def _replace(network: nn.Module, by: Callable[[BatchNorm], nn.Module]) -> None:
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BatchNorm):
                setattr(parent, name, by(child))


class _Replaced(nn.Module, ABC):
    """Batch norm that goes on with weights and statistics of another.

    Args:
        norm: the other; one of timm's, which has an activation inside, keeps it.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: BatchNorm) -> None:
        super().__init__()
        self.weight: nn.Parameter | None = norm.weight
        self.bias: nn.Parameter | None = norm.bias
        for name, value in norm.named_buffers(recurse=False):
            self.register_buffer(name, value)
        self.eps, self.momentum = norm.eps, 0.1 if norm.momentum is None else norm.momentum
        self.after = nn.Sequential(*norm.children())

    def forward(self, values: Tensor) -> Tensor:
        """Normalises values [B, D, ...] by column."""
        if self.training:
            self.num_batches_tracked.add_(1)
            return self._activated(self._normal(values))
        mean, variance = self.running_mean, self.running_var
        return self._activated(
            F.batch_norm(values, mean, variance, self.weight, self.bias, eps=self.eps)
        )

    @abstractmethod
    def _normal(self, values: Tensor) -> Tensor:
        """Values while it trains; learns the statistics."""

    def _activated(self, values: Tensor) -> Tensor:
        activated: Tensor = self.after(values)
        return activated


class _SharedBatchNorm(_Replaced):
    """Over all ranks, each of which has as many images; PyTorch has it for GPUs alone."""

    def _normal(self, values: Tensor) -> Tensor:
        dims = [dim for dim in range(values.ndim) if dim != 1]
        moments = torch.stack([values.mean(dims), values.square().mean(dims)])
        mean, square = summed(moments) / world_size()
        variance = square - mean.square()
        n_values = values.numel() // values.shape[1] * world_size()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n_values / (n_values - 1), self.momentum)
        shape = [1, -1, *[1] * (values.ndim - 2)]
        normal: Tensor = (values - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.weight is None or self.bias is None:
            return normal
        return normal * self.weight.view(shape) + self.bias.view(shape)


class _SplitBatchNorm(_Replaced):
    """Over each of several groups; the statistics learned are the mean of theirs over all ranks."""

    def __init__(self, norm: BatchNorm, n_groups: int) -> None:
        super().__init__(norm)
        self.n_groups = n_groups

    def _normal(self, values: Tensor) -> Tensor:
        groups = values.tensor_split(self.n_groups)
        statistics = torch.stack([self.running_mean, self.running_var]).repeat(len(groups), 1, 1)
        normal = torch.cat(
            [
                F.batch_norm(
                    group, mean, variance, self.weight, self.bias, training=True,
                    momentum=self.momentum, eps=self.eps,
                )
                for group, (mean, variance) in zip(groups, statistics, strict=True)
            ]
        )  # fmt: skip
        for kept, value in zip(
            (self.running_mean, self.running_var),
            summed(statistics.mean(dim=0)) / world_size(),
            strict=True,
        ):
            kept.copy_(value)
        return normal
