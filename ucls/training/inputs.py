"""Fitting what lies before the heads to the features, once before the training."""

from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ucls.heads.inputs import HeadInputs
from ucls.preparation.columns import CHUNK, ColumnStatistics

LARGEST_SAMPLE = 2**14
"""Images that the axes rest on."""


class Rows(Protocol):
    """Features [N, D], float32; a tensor, or what gives one for each slice of rows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N and D."""

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, rows: slice, /) -> torch.Tensor:
        """Some of the rows."""


@torch.no_grad()
def fit_inputs(
    features: Rows, n_inputs: int, *, batch_norm: bool, turned: bool = False
) -> HeadInputs:
    """Fits scale, batch norm and principal axes.

    Args:
        features: prepared, [N, D], of any scale.
        n_inputs: d, the axes of largest variance that are kept; all of D or more: no axes.
        batch_norm: whether each column is standardised before.
        turned: whether the axes are turned by a fixed random rotation, so that all vary alike.

    Returns:
        On the device of the features.
    """
    statistics = ColumnStatistics.of(
        features[start : start + CHUNK] for start in range(0, len(features), CHUNK)
    )
    n_features = features.shape[1]
    inputs = HeadInputs(
        n_features, min(n_inputs, n_features), scale=statistics.scale, batch_norm=batch_norm
    ).to(features.device)
    if batch_norm:
        norm = cast("nn.BatchNorm1d", inputs.batch_norm)
        norm.running_mean = statistics.centre
        norm.running_var = (statistics.variance * statistics.scale**2).float()
    if inputs.axes is not None:
        step = -(-len(features) // LARGEST_SAMPLE)
        axes = _principal_axes(inputs, features[::step])
        inputs.axes = axes @ _rotation(n_inputs).to(axes) if turned else axes
    return inputs


def _principal_axes(inputs: HeadInputs, features: torch.Tensor) -> torch.Tensor:
    """The axes [D, d] of largest variance of the standardised features.

    Each points to where its largest entry is positive, whatever number of threads found it.
    """
    scatter = torch.zeros((), dtype=torch.float64)
    for chunk in torch.split(features, CHUNK):
        standardized = inputs.standardize(chunk)
        scatter = scatter + (standardized.T @ standardized).double()
    _, vectors = torch.linalg.eigh(scatter)
    axes: torch.Tensor = vectors[:, -inputs.n_inputs :].flip(1)
    largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
    return (axes * largest.sign()).float()


def _rotation(size: int) -> torch.Tensor:
    """An orthogonal matrix [size, size], drawn from a fixed seed."""
    drawn = torch.randn(size, size, generator=torch.Generator().manual_seed(0))
    rotation: torch.Tensor = torch.linalg.qr(drawn).Q
    return rotation


class ViewsInMemory:
    """Prepared features of all views, on the device.

    Args:
        features: [N, D], or [V, N, D] with augmented views after the plain one.
        device: where they go.

    Attributes:
        shape: V, N and D.
        plain: the plain images as they were given, [N, D].
    """

    def __init__(self, features: npt.NDArray[np.floating], device: torch.device) -> None:
        views = torch.from_numpy(np.require(features, np.float32, "W")).to(device)
        self._views = views if views.ndim == 3 else views[None]
        self.plain = features if features.ndim == 2 else features[0]
        self.shape = self._views.shape

    def rows(self, n_views: int) -> torch.Tensor:
        """The features of the first views, [n_views * N, D]."""
        return self._views[:n_views].flatten(0, 1)

    def store(self, inputs: HeadInputs, n_views: int) -> torch.Tensor:
        """What heads see of the first views, [n_views, N, d]; the features may be overwritten."""
        return transform(inputs, self._views[:n_views])


@torch.no_grad()
def transform(inputs: HeadInputs, views: torch.Tensor) -> torch.Tensor:
    """What heads see of all views, [V, N, D] to [V, N, d]; in place where nothing is left out."""
    n_views, n_images, _ = views.shape
    turned = views
    if inputs.axes is not None:
        turned = torch.empty(n_views, n_images, inputs.n_inputs, device=views.device)
    parts = (tensor.flatten(0, 1).split(CHUNK) for tensor in (views, turned))  # type: ignore[no-untyped-call]
    for source, target in zip(*parts, strict=True):
        target.copy_(inputs.of_prepared(source))
    return turned
