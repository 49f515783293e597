"""In which precision numbers are kept."""

import torch
from torch import Tensor


def widened(values: Tensor) -> Tensor:
    """Values in float32 at least, for losses of what a network computed in less."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
