"""Bits that features take once they are coded cluster by cluster (Ma et al., 2007).

Shapes: N images, D features.
"""

import numpy as np
import numpy.typing as npt

from ucls.types import Labels

WIDTH = 48
"""Principal components that are coded."""
DISTORTION = 1.0
"""Squared error that a code may have, as a share of a feature's squared length."""

Matrix = npt.NDArray[np.float64]


def principal_directions(features: npt.NDArray[np.floating], *, width: int = WIDTH) -> Matrix:
    """Features [N, D] centred, in their first principal components, of length 1, [N, width]."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    vectors = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :width]
    turned = centred @ vectors
    lengths = np.linalg.norm(turned, axis=1, keepdims=True)
    return np.asarray(turned / np.maximum(lengths, np.finfo(np.float64).tiny))


def coding_length(features: Matrix, labels: Labels, *, distortion: float = DISTORTION) -> float:
    """Bits per image of a code that knows each image's cluster.

    What a Gaussian of each cluster's covariance takes up to the distortion, and the cluster's
    number: (n + D) / 2 log2 det(I + D / (distortion n) S) and -log2 (n / N) for each of its n
    images, S being the scatter around the cluster's mean (Ma, Derksen, Hong & Wright, 2007, eq. 11;
    the mean itself is not coded). More clusters fit better, but each needs a covariance.

    Args:
        features: rows of length 1, float64 [N, D].
        labels: int32 [N], none missing.
        distortion: squared error allowed.
    """
    n_images, width = features.shape
    bits = 0.0
    for cluster in np.unique(labels):
        members = features[labels == cluster]
        centred = members - members.mean(axis=0)
        spread = np.linalg.eigvalsh(centred.T @ centred).clip(min=0.0)
        n = len(members)
        volume = np.log2(1.0 + width / (distortion * n) * spread).sum()
        bits += (n + width) / 2 * volume - n * np.log2(n / n_images)
    return float(bits / n_images)
