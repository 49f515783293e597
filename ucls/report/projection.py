"""Features laid out on a map: t-SNE of their principal axes.

L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008.
"""

import numpy as np
from numpy.typing import NDArray

N_AXES = 50
PERPLEXITY = 30
FEWEST = 5
"""Images that t-SNE needs; fewer are shown along their principal axes."""
INITIAL_SPREAD = 1e-4
ITERATIONS = 500
"""Half of scikit-learn's, in half its time; maps hardly change after."""
JITTER = 1e-6
"""Takes images off a line that no gradient would lead them away from."""


def project(features: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    """Lays images out so that similar ones lie together.

    Args:
        features: finite [n, D], of any scale; each column counts alike.
        seed: the same one gives the same map on the same machine.

    Returns:
        float32 [n, 2] in 0..1; the longer side fills it, the other is centred. Images that are all
        equal lie in the middle.
    """
    axes = _principal_axes(_standardize(features), seed)
    if len(axes) < FEWEST or not axes.any():
        return _into_unit_square(axes[:, :2])
    return _into_unit_square(_tsne(axes, seed))


def _standardize(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Gives each column mean 0 and variance 1; 0 throughout where it does not vary, [n, D]."""
    wide = features.astype(np.float64)
    largest = np.abs(wide).max(axis=0, initial=0.0)
    # Their squares could overflow, or vanish.
    wide /= np.where(largest > 0, largest, 1.0)
    wide -= wide.mean(axis=0)
    deviation = wide.std(axis=0)
    varies = deviation > np.finfo(np.float32).eps
    standardized: NDArray[np.float64] = np.where(varies, wide / np.where(varies, deviation, 1), 0)
    return standardized


def _principal_axes(features: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Centred features [n, D] along the axes of largest variance, [n, d]; two at least."""
    from sklearn.decomposition import PCA

    n_axes = min(N_AXES, *features.shape)
    if len(features) < 2 or not features.any():
        return np.zeros((len(features), 2))
    axes = PCA(n_axes, random_state=seed).fit_transform(features)
    return np.pad(axes, ((0, 0), (0, max(0, 2 - n_axes))))


def _tsne(axes: NDArray[np.float64], seed: int) -> NDArray[np.float32]:
    """The map [n, 2] of at least ``FEWEST`` images, from their principal axes on."""
    from sklearn.manifold import TSNE

    start = INITIAL_SPREAD * axes[:, :2] / axes[:, 0].std()
    start += JITTER * np.random.default_rng(seed).normal(size=start.shape)
    tsne = TSNE(
        perplexity=min(PERPLEXITY, (len(axes) - 1) / 3),
        init=start.astype(np.float32),
        max_iter=ITERATIONS,
        random_state=seed,
    )
    found: NDArray[np.float32] = tsne.fit_transform(axes.astype(np.float32))
    return found


def _into_unit_square(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Moves and scales points [n, 2] alike in both directions."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = (high - low).max()
    centred = (points - (low + high) / 2) / (side if side > 0 else 1.0)
    inside: NDArray[np.float32] = np.clip(centred + 0.5, 0.0, 1.0).astype(np.float32)
    return inside
