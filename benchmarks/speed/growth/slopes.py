"""Slopes in log-log: the exponents by which time and memory grow."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SMALLEST_MB = 4.0
"""Less memory than this is not told from noise."""


class Slope(NamedTuple):
    """A power law fitted to some points."""

    exponent: float
    error: float | None
    """Its standard error; None where two points leave none."""

    def __str__(self) -> str:
        error = "" if self.error is None else f" ± {self.error:.2f}"
        return f"{self.exponent:.2f}{error}"


class Slopes(NamedTuple):
    """Of a whole range of sizes, and of its last half, which tells more of what comes beyond."""

    whole: Slope
    last: Slope


def fit_slope(sizes: Sequence[float], values: Sequence[float]) -> Slope:
    """Least squares of log values on log sizes.

    Args:
        sizes: at least two different ones, positive.
        values: as many, positive.
    """
    log_sizes = np.log(sizes) - np.log(sizes).mean()
    spread = float(log_sizes @ log_sizes)
    exponent = float(log_sizes @ np.log(values)) / spread
    if len(sizes) == 2:
        return Slope(exponent, None)
    residuals = np.log(values) - np.log(values).mean() - exponent * log_sizes
    return Slope(exponent, float(np.sqrt(residuals @ residuals / (len(sizes) - 2) / spread)))


def fit_slopes(sizes: Sequence[float], values: Sequence[float]) -> Slopes:
    """The slope of all points, and that of the last half of them, the middle one included.

    Args:
        sizes: rising, at least three.
        values: as many, positive.
    """
    half = len(sizes) // 2
    return Slopes(fit_slope(sizes, values), fit_slope(sizes[half:], values[half:]))


def memory_slopes(sizes: Sequence[float], memory_mb: Sequence[float]) -> Slopes | None:
    """As :func:`fit_slopes`, of the memory that is told from noise; None where that is too little.

    Args:
        sizes: rising.
        memory_mb: as many; may be negative where it is noise.
    """
    known = [(size, mb) for size, mb in zip(sizes, memory_mb, strict=True) if mb >= SMALLEST_MB]
    if len(known) < 3:
        return None
    return fit_slopes([size for size, _ in known], [mb for _, mb in known])
