"""Consensus of clusterings."""
