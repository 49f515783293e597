"""Bytes of what stages hold in memory and leave on disk."""

from itertools import pairwise

HALF, SINGLE, LABEL, POINTER = 2, 4, 4, 8
"""Bytes of float16, float32, int32 and int64."""


def graph_bytes(n_images: int, n_neighbors: float) -> float:
    """A neighbour graph, in memory as on disk: int32 and float16 a pair, int64 a row."""
    return (LABEL + HALF) * float(n_images) * n_neighbors + POINTER * (n_images + 1)


def head_weights(layers: tuple[int, ...], n_clusters: int) -> int:
    """Weights and biases of a head.

    Args:
        layers: widths from the inputs to what the last layer sees.
        n_clusters: of the last layer, which has a direction and a scale for each, and no bias.
    """
    hidden = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(layers))
    return hidden + (layers[-1] + 1) * n_clusters


def labels_bytes(n_images: int, n_heads: int) -> int:
    """Of ``assignments.h5``: int32 and float16, the labels and probabilities of all heads."""
    return (LABEL + HALF) * n_heads * n_images


def trained_labels_bytes(n_images: int, n_heads: int) -> int:
    """Labels at the end of a training, int64 and float32, in parts and whole."""
    return 2 * (POINTER + SINGLE) * n_heads * n_images


def logits_bytes(n_heads: int, batch_size: int, n_clusters: int) -> int:
    """Of a training step in float32: twice those of the teacher, and the student's."""
    return 3 * SINGLE * n_heads * batch_size * n_clusters
