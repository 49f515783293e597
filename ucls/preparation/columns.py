"""The scale of features, which must not matter to what is learned from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch

CHUNK = 4096
"""Rows whose statistics are taken at once, in float64."""


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """What float64 knows of features [N, D], where no square of float32 overflows or vanishes.

    Attributes:
        mean: of each column, float64 [D].
        variance: of each column, float64 [D].
    """

    mean: torch.Tensor
    variance: torch.Tensor

    @classmethod
    def of(cls, chunks: Iterable[torch.Tensor]) -> Self:
        """Those of features that come in chunks [n, D] of some rows, at least one."""
        n_images, total, squares = 0, torch.zeros(()), torch.zeros(())
        for chunk in map(torch.Tensor.double, chunks):
            n_images += len(chunk)
            total, squares = total + chunk.sum(dim=0), squares + chunk.square().sum(dim=0)
        mean = total / n_images
        return cls(mean, (squares / n_images - mean.square()).clamp_min(0.0))

    @cached_property
    def scale(self) -> float:
        """What to multiply the features by, so that the mean variance of the columns is 1.

        Finite in float32 for all float32 features; those that vary by less than its smallest
        normal number (1e-38) end below 1. Of equal images the largest mean becomes 1 instead.
        """
        deviation = float(self.variance.mean().sqrt()) or float(self.mean.abs().max())
        return 1.0 / max(deviation, torch.finfo(torch.float32).tiny)

    @cached_property
    def centre(self) -> torch.Tensor:
        """The mean of each column after scaling, float32 [D]."""
        return (self.mean * self.scale).float()

    def standardize(self, features: torch.Tensor, *, copy: bool = True) -> torch.Tensor:
        """Features [n, D], scaled and moved to mean 0; float32 on the device of the statistics.

        Without ``copy``, in place where the features are that already.
        """
        moved = features.to(self.mean.device, torch.float32, copy=copy)
        return moved.mul_(self.scale).sub_(self.centre)
