"""Consensus of clusterings (thesis 5.1.2; Strehl & Ghosh, 2002)."""

from ucls.ensemble.consensus import Consensus, consensus

__all__ = ["Consensus", "consensus"]
