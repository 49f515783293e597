"""Letting the C library keep freed memory for the next step or batch."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Parameters of glibc's mallopt, and the defaults that its manual page gives.
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
KEEP = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 2**26}
DEFAULTS = {MMAP_MAX: 65_536, TRIM_THRESHOLD: 2**17, TOP_PAD: 2**17}


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keeps freed blocks within the process while the block runs; a no-op outside of glibc.

    A training step or a forward pass on the CPU frees and allocates the same large tensors again
    and again. By default each of them is mapped and unmapped anew, and touching the fresh pages
    costs more than the arithmetic between the matrix products.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.malloc_trim(0)  # what was freed before is of no use to the block
    _apply(libc, KEEP)
    try:
        yield
    finally:
        _apply(libc, DEFAULTS)
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def _apply(libc: ctypes.CDLL, parameters: dict[int, int]) -> None:
    for parameter, value in parameters.items():
        libc.mallopt(parameter, value)
