"""Merging a head's clusters by how often the neighbour graph links them; works without torch."""

from ucls.merging.balance import looks_unequal
from ucls.merging.merge import MergedHead, MergedHeads, merge_heads

__all__ = ["MergedHead", "MergedHeads", "looks_unequal", "merge_heads"]
