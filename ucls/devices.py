"""Where to compute, and in which precision and with how many threads that pays."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

import torch

from ucls.errors import UsageError
from ucls.ranks import world_size

BFLOAT16_PAYS_FROM = 1.5
"""Times that a product must be faster in it: what lies between products is cast back and forth."""
PRODUCT_SIZE = 512
"""Rows and columns of the product that is measured."""
PRODUCTS = 5
"""Of which the fastest counts."""
ENTRIES_PER_THREAD = 2**16
"""Of the tensors that threads share: with few they wait for each other."""


def resolve_device(name: str) -> torch.device:
    """Turns ``auto``, ``cpu``, ``cuda`` or ``cuda:i`` into a device that is there.

    Processes that share the work (torchrun) take a GPU each.

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
    if device.type == "cuda" and world_size() > 1:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def fast_precision(device: torch.device) -> Literal["float32", "bfloat16"]:
    """Tells the precision whose matrix products are fastest on ``device``."""
    if device.type == "cuda":
        is_native = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if is_native else "float32"
    return "bfloat16" if _gain_of_bfloat16() > BFLOAT16_PAYS_FROM else "float32"


@cache
def _gain_of_bfloat16() -> float:
    """How many times faster this processor multiplies bfloat16; measured once."""
    return _seconds_of_product(torch.float32) / _seconds_of_product(torch.bfloat16)


def _seconds_of_product(dtype: torch.dtype) -> float:
    """Of the fastest of some products, after one that counts for nothing."""
    matrix = torch.ones(PRODUCT_SIZE, PRODUCT_SIZE, dtype=dtype)
    seconds = []
    for _ in range(1 + PRODUCTS):
        started = time.perf_counter()
        torch.mm(matrix, matrix)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


@contextmanager
def threads_for(n_entries: int) -> Iterator[None]:
    """Computes with as many threads as tensors of ``n_entries`` keep busy, at least one."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, n_entries // ENTRIES_PER_THREAD)))
    try:
        yield
    finally:
        torch.set_num_threads(before)
