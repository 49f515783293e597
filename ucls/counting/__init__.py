"""How many clusters images fall apart into, without labels."""

from ucls.counting.suggestion import N_STEPS, Suggestion, check_enough, suggest_n_clusters

__all__ = ["N_STEPS", "Suggestion", "check_enough", "suggest_n_clusters"]
