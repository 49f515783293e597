"""What heads see of the features: scaled, standardised and in few principal axes."""

from typing import cast

import torch
from torch import nn

from ucls.preparation.prepared import Preparation


class HeadInputs(nn.Module):
    """Features times a scale, then batch norm, then their coordinates along principal axes.

    The features are frozen, so all of it is known before the training and never changes: what
    batch norm (thesis 5.2.3) would estimate from each batch are the statistics of all images.

    Args:
        n_features: D.
        n_inputs: d, of each image that the heads see; D where no axes are left out.
        scale: of the features.
        batch_norm: whether each column is moved to mean 0 and variance 1.
        preparation: what becomes of the features before all that; D is the width after it.
    """

    axes: torch.Tensor | None

    def __init__(
        self,
        n_features: int,
        n_inputs: int,
        *,
        scale: float = 1.0,
        batch_norm: bool = True,
        preparation: Preparation | None = None,
    ) -> None:
        super().__init__()
        self.scale, self.n_inputs = scale, n_inputs
        self.preparation = preparation or Preparation([])
        norm = nn.BatchNorm1d(n_features, affine=False).eval()
        self.batch_norm: nn.Module = norm if batch_norm else nn.Identity()
        axes = torch.empty(n_features, n_inputs) if n_inputs < n_features else None
        self.register_buffer("axes", axes)

    def standardize(self, features: torch.Tensor) -> torch.Tensor:
        """Prepared features [n, D], float32, without the turn to principal axes."""
        return cast("torch.Tensor", self.batch_norm(features * self.scale))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features as extracted, float32 [n, D], to inputs [n, d]."""
        return self.of_prepared(cast("torch.Tensor", self.preparation(features)))

    def of_prepared(self, features: torch.Tensor) -> torch.Tensor:
        """Prepared features [n, D], float32, to inputs [n, d]."""
        standardized = self.standardize(features)
        return standardized if self.axes is None else standardized @ self.axes
