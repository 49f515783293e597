"""Where to compute, and in which precision and with how many threads that pays."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from ucls.errors import UsageError
from ucls.machine import processes_here
from ucls.ranks import is_in_job
from ucls.wording import count

ENTRIES_PER_THREAD = 2**16
"""Of the tensors that threads share: with few they wait for each other."""


def resolve_device(name: str) -> torch.device:
    """Turns ``auto``, ``cpu``, ``cuda`` or ``cuda:i`` into a device that is there.

    Processes of a job (torchrun) take a GPU each, whichever is asked for.

    Raises:
        UsageError: if a CUDA device is asked for and PyTorch sees none of that number, or a machine
            has fewer of them than processes.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device, n_devices = torch.device(name), torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= n_devices:
        raise UsageError(
            f"device {name!r} was asked for, but PyTorch sees {n_devices} CUDA devices here; "
            "use --device cpu, or check the driver with `ucls doctor`"
        )
    if device.type == "cuda" and is_in_job():
        if processes_here() > n_devices:
            raise UsageError(
                f"{processes_here()} processes were started on a machine with "
                f"{count(n_devices, 'CUDA device')}, and each needs its own: pass "
                f"--nproc-per-node {n_devices} to torchrun, or --device cpu to ucls"
            )
        return torch.device("cuda", torch.cuda.current_device())
    return device


def fast_precision(device: torch.device) -> Literal["float32", "bfloat16"]:
    """Tells the precision whose matrix products are fastest on ``device``, by its features.

    Of CPUs only those with AMX gain what it takes to cast back and forth between the products.
    """
    if device.type == "cuda":
        is_native = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if is_native else "float32"
    # A measurement would come out otherwise on busy cores, and an equal run with it.
    return "bfloat16" if torch.cpu._is_amx_tile_supported() else "float32"


@contextmanager
def threads_for(n_entries: int) -> Iterator[None]:
    """Computes with as many threads as tensors of ``n_entries`` keep busy, at least one."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, n_entries // ENTRIES_PER_THREAD)))
    try:
        yield
    finally:
        torch.set_num_threads(before)
