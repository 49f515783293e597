"""Merging a head's clusters by how often the neighbour graph links them; works without torch."""

from ucls.merging.balance import looks_unequal
from ucls.merging.merge import merge_heads

__all__ = ["looks_unequal", "merge_heads"]
