"""In which precision numbers are kept."""

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor


def widened(values: Tensor) -> Tensor:
    """Values in float32 at least, for losses of what a network computed in less."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def in_full(values: Tensor) -> AbstractContextManager[Any]:
    """Where matrix products keep the precision of values, whatever the forward pass has."""
    return torch.autocast(values.device.type, enabled=False)
