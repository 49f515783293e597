"""Estimators for scikit-learn: arrays in, labels out, no files; torch only while they work."""

from ucls.estimators.consensus import ConsensusClustering
from ucls.estimators.merging import MergeClustering
from ucls.estimators.ucls import UCLS

__all__ = ["UCLS", "ConsensusClustering", "MergeClustering"]
