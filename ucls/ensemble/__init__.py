"""Consensus of clusterings (thesis 5.1.2; Strehl & Ghosh, 2002)."""

from ucls.ensemble.consensus import consensus
from ucls.ensemble.results import Comparison, Consensus
from ucls.ensemble.soft_labels import soft_labels

__all__ = ["Comparison", "Consensus", "consensus", "soft_labels"]
