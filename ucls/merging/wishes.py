"""What clusters shall meet beside holding images that are linked."""

from typing import NamedTuple


class Wishes(NamedTuple):
    """What is wished for."""

    min_size: int = 0
    """Images of a cluster at least; smaller ones join the nearest, and fewer are left."""
    at_least: int = 2
    """Clusters that stay however small they are, the largest ones."""


NO_WISHES = Wishes()
