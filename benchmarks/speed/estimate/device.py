"""A device that is not here, and how long it takes for operations that are counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Operation(NamedTuple):
    """What one operation computes and moves."""

    flops: float
    """A multiplication and an addition are two."""
    n_bytes: float
    """That it reads and writes."""
    is_half: bool = False
    """Whether its products are taken in bfloat16."""


@dataclass(frozen=True)
class Device:
    """What a device can do, and which shares of that are assumed to be reached.

    The peaks are those that NVIDIA states for an H100 SXM, without sparsity and, for float32,
    without TF32, which torch does not use unless it is told to. The shares are assumptions.

    Attributes:
        half_tflops: of bfloat16 matrix products, in 10^12 operations a second.
        half_share: of that, 0..1.
        single_tflops: of float32.
        single_share: of that, 0..1.
        bandwidth_tb: of its memory, in 10^12 bytes a second.
        bandwidth_share: of that, 0..1.
        memory_gb: in 10^9 bytes.
    """

    half_tflops: float = 989.0
    half_share: float = 0.4
    single_tflops: float = 67.0
    single_share: float = 0.6
    bandwidth_tb: float = 3.35
    bandwidth_share: float = 0.7
    memory_gb: float = 80.0

    def seconds(self, operations: Iterable[Operation]) -> float:
        """Operations one after the other, each bound by its products or by what it moves."""
        return sum(max(self._computing(one), self._moving(one)) for one in operations)

    def seconds_of_products(self, operations: Iterable[Operation]) -> float:
        """As if operations moved nothing: no device of these peaks is quicker."""
        return sum(map(self._computing, operations))

    def _computing(self, one: Operation) -> float:
        half = self.half_tflops * self.half_share
        single = self.single_tflops * self.single_share
        return one.flops / (1e12 * (half if one.is_half else single))

    def _moving(self, one: Operation) -> float:
        return one.n_bytes / (1e12 * self.bandwidth_tb * self.bandwidth_share)
