"""Label matrices as many heads would leave them, with the classes behind them.

Two modes. In ``independent`` mode classes are equal and each head errs on its own. In ``hard`` mode
class sizes are lognormal, all heads find the same images difficult, and every head merges a tenth
of the classes into their neighbour and splits as many others in two.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

ERROR = 0.15  # mean probability that a head is wrong about an image
NEIGHBOR_SHARE = 0.7  # of the errors go to the neighbouring class, the rest anywhere
SIZE_SPREAD = 0.6  # standard deviation of the logarithm of the class sizes
DIFFICULTY = 1.5  # sum of the parameters of the Beta distribution of an image's error probability
MERGED_SHARE = 0.1  # of the classes a head merges into their neighbour, and splits as many
MODES = ("independent", "hard")

Classes = npt.NDArray[np.int32]
Generator = np.random.Generator


def make_label_matrix(
    n_images: int, n_classes: int, *, n_heads: int, mode: str, seed: int = 0
) -> tuple[Classes, npt.NDArray[np.int32]]:
    """Draws the classes [N] of the images, and what each head makes of them [H, N], int32."""
    rng = np.random.default_rng(seed)
    is_hard = mode == "hard"
    classes = _draw_classes(rng, n_images, n_classes, spread=SIZE_SPREAD if is_hard else 0.0)
    error = np.full(n_images, ERROR, dtype=np.float32)
    if is_hard:  # most images are easy, a few are hard
        drawn = rng.beta(DIFFICULTY * ERROR, DIFFICULTY * (1 - ERROR), n_images)
        error = drawn.astype(np.float32)
    heads = np.empty((n_heads, n_images), dtype=np.int32)
    for head in heads:
        labels = _err(rng, classes, error, n_classes)
        if is_hard:
            labels = _merge_and_split(rng, labels, n_classes)
        head[:] = rng.permutation(n_classes).astype(np.int32)[labels]
    return classes, heads


def _draw_classes(rng: Generator, n_images: int, n_classes: int, *, spread: float) -> Classes:
    """The class of each image; without spread the classes are equal but for rounding."""
    shares = rng.lognormal(0.0, spread, n_classes)
    bounds = np.rint(np.cumsum(shares) / shares.sum() * n_images).astype(np.int64)
    sizes = np.diff(bounds, prepend=0)
    return rng.permutation(np.repeat(np.arange(n_classes, dtype=np.int32), sizes))


def _err(rng: Generator, classes: Classes, error: npt.NDArray[Any], n_classes: int) -> Classes:
    """Sends the images that a head gets wrong to the neighbouring class or anywhere."""
    wrong = np.flatnonzero(rng.random(len(classes), dtype=np.float32) < error)
    neighbors = (classes[wrong] + 1) % n_classes
    anywhere = rng.integers(0, n_classes, len(wrong), dtype=np.int32)
    labels = classes.copy()
    labels[wrong] = np.where(rng.random(len(wrong)) < NEIGHBOR_SHARE, neighbors, anywhere)
    return labels


def _merge_and_split(rng: Generator, labels: Classes, n_classes: int) -> Classes:
    """Merges some classes into their neighbour and gives their numbers to halves of others."""
    n_merged = round(MERGED_SHARE * n_classes)
    drawn = rng.permutation(n_classes).astype(np.int32)
    merged, split = drawn[:n_merged], drawn[n_merged : 2 * n_merged]
    target = np.arange(n_classes, dtype=np.int32)
    target[merged] = (merged + 1) % n_classes
    for _ in range(n_merged):
        target = target[target]  # a neighbour may have been merged too
    half = np.arange(n_classes, dtype=np.int32)
    half[split] = merged
    found = target[labels]
    is_second_half = rng.random(len(labels)) < 0.5
    return np.where(is_second_half & (found == labels), half[found], found)
