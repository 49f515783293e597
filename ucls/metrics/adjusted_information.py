"""Adjusted mutual information, fast enough for a thousand clusters."""

import numpy as np
import numpy.typing as npt

from ucls.types import IntArray


def adjusted_mutual_information(counts: IntArray) -> float:
    """Mutual information less what chance gives, over the mean entropy less the same.

    AMI with the arithmetic mean (Vinh, Epps & Bailey, 2010). The same figure as scikit-learn's,
    which takes 50 s for 1000 clusters of 1.28 million images: the expectation depends on the
    cluster sizes only, so here it is computed once for each pair of sizes that occurs.

    Args:
        counts: images per class and cluster [n_classes, n_clusters], no row or column empty.

    Returns:
        1 for equal partitions, about 0 for chance, negative for worse.
    """
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    n_images = int(rows.sum())
    if len(rows) == len(columns) and len(rows) in (1, n_images):
        return 1.0
    entropies = _entropy(rows / n_images), _entropy(columns / n_images)
    information = sum(entropies) - _entropy(counts[counts > 0] / n_images)
    expected = expected_mutual_information(rows, columns)
    return float((information - expected) / (sum(entropies) / 2 - expected))


def expected_mutual_information(rows: IntArray, columns: IntArray) -> float:
    """The mutual information of two random partitions with given sizes, in nats.

    Args:
        rows: images per class, positive [n_classes].
        columns: images per cluster, positive [n_clusters], with the same sum.

    Returns:
        The expectation under the hypergeometric model (Vinh, Epps & Bailey, 2010).
    """
    from scipy.special import gammaln

    n_images = int(rows.sum())
    log_factorial = gammaln(np.arange(n_images + 1) + 1.0)
    expected = 0.0
    for size, n_rows in zip(*np.unique(rows, return_counts=True), strict=True):
        for other, n_columns in zip(*np.unique(columns, return_counts=True), strict=True):
            term = _expected_term(int(size), int(other), log_factorial)
            expected += int(n_rows) * int(n_columns) * term
    return expected


def _expected_term(size: int, other: int, log_factorial: npt.NDArray[np.float64]) -> float:
    """What one class of ``size`` and one cluster of ``other`` images are expected to add."""
    n_images = len(log_factorial) - 1
    neither = n_images - size - other
    fewest, most = max(1, -neither), min(size, other)
    shared = np.arange(fewest, most + 1)
    log_ways = (
        log_factorial[[size, other, n_images - size, n_images - other]].sum()
        - log_factorial[n_images]
    )
    log_probability = (
        log_ways
        - log_factorial[shared]
        - log_factorial[size - shared]
        - log_factorial[other - shared]
        - log_factorial[neither + shared]
    )
    gain = shared / n_images * np.log(n_images * shared / (size * other))
    return float(np.sum(gain * np.exp(log_probability)))


def _entropy(shares: npt.NDArray[np.float64]) -> float:
    """The entropy in nats of positive shares."""
    return float(-np.sum(shares * np.log(shares)))
