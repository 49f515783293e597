"""Where to compute, and in which precision that pays."""

from typing import Literal

import torch

from ucls.errors import UsageError


def resolve_device(name: str) -> torch.device:
    """Turns ``auto``, ``cpu``, ``cuda`` or ``cuda:i`` into a device that is there.

    Raises:
        UsageError: if a CUDA device is asked for and PyTorch sees none of that number.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"device {name!r} was asked for, but PyTorch sees {torch.cuda.device_count()} CUDA "
            "devices here; use --device cpu, or check the driver with `ucls doctor`"
        )
    return device


def fast_precision(device: torch.device) -> Literal["float32", "bfloat16"]:
    """Tells the precision whose matrix products are native and fastest on ``device``."""
    if device.type == "cuda":
        is_native = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if is_native else "float32"
    is_native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if is_native else "float32"
