"""Which images are alike."""

from ucls.neighbors.build import build_neighbors

__all__ = ["build_neighbors"]
