"""Bytes of all that a run keeps, by arithmetic."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from benchmarks.speed.estimate.cases import Case
from benchmarks.speed.growth.works import BOTTLENECK_DIM, HIDDEN_DIM
from benchmarks.speed.self_training import N_BLOCKS, token_columns
from ucls.metrics.baselines import SAMPLE_PER_CLUSTER
from ucls.settings.config import SelfTrainConfig

HALF, SINGLE, LABEL, INDEX, POINTER = 2, 4, 4, 4, 8
"""Bytes of float16, float32, int32 labels, int32 neighbours and int64 row ends."""
MATRICES_OF_HEADS = 5
"""Student, teacher, gradient, and the two moments of AdamW."""
MATRICES_KEPT = 4
"""All of these but the gradient."""


class Array(NamedTuple):
    """Something that takes room."""

    what: str
    n_bytes: float
    how: str
    """It is counted."""


def on_disk(case: Case) -> Iterator[Array]:
    """The feature cache and the larger files of a run folder."""
    n_images, n_clusters, n_heads, _ = case.size
    yield Array(
        "features", HALF * n_images * token_width(case), f"float16, {N_BLOCKS} tokens and a mean"
    )
    yield Array(f"neighbors.h5, {case.k} each", graph_bytes(case, case.k), GRAPH)
    yield Array(f"neighbors.h5, at the cap of {case.cap:,}", graph_bytes(case, case.cap), GRAPH)
    yield Array("heads.safetensors", SINGLE * n_weights(case), "float32, all heads")
    yield Array(
        "checkpoint.safetensors",
        SINGLE * MATRICES_KEPT * n_weights(case),
        "student, teacher, two moments",
    )
    yield Array(
        "assignments.h5", (LABEL + HALF) * n_heads * n_images, "int32 and float16, all heads"
    )
    yield Array("consensus.h5", (LABEL + HALF) * n_images, "int32 and float16")
    yield Array(
        "classifier.safetensors", SINGLE * token_width(case) * n_clusters, "float32, the widest"
    )


def in_memory(case: Case) -> Iterator[Array]:
    """What the stages hold at their peak, without Python, libraries and what a step needs.

    Merging and consensus hold several copies of edges and labels, which are measured instead.
    """
    n_images, n_heads = case.size.n_images, case.size.n_heads
    features = n_images * case.size.n_features
    yield Array("neighbors: features", HALF * features, "float16")
    yield Array(f"neighbors: graph, {case.k} each", graph_bytes(case, case.k), GRAPH)
    yield Array(f"neighbors: graph, cap {case.cap:,}", graph_bytes(case, case.cap), GRAPH)
    yield Array("train: features", SINGLE * features, "float32; on a GPU there and here")
    yield Array(
        "train: heads", SINGLE * MATRICES_OF_HEADS * n_weights(case), "float32, AdamW and teacher"
    )
    yield Array(
        "train: logits of a step",
        3 * SINGLE * n_heads * case.batch_size * case.head_clusters,
        "float32, of the teacher twice and of the student",
    )
    yield Array(
        "train: labels at its end",
        2 * (2 * SINGLE + SINGLE) * n_heads * n_images,
        "int64 and float32, in parts and whole",
    )
    yield Array(
        "self-train: tokens",
        HALF * n_images * token_width(case) * (1 + SelfTrainConfig().holdout),
        "float16, those held out twice",
    )
    n_fitted_to = min(n_images, SAMPLE_PER_CLUSTER * case.size.n_clusters)
    yield Array(
        "evaluate: features for k-means",
        SINGLE * features * (1 + 2 * n_fitted_to / n_images),
        "float32, and a sample with its copy",
    )


GRAPH = "int32 and float16 a pair, int64 a row"


def graph_bytes(case: Case, n_neighbors: int) -> float:
    """Of a neighbour graph, in memory as on disk."""
    n_images = case.size.n_images
    return (INDEX + HALF) * float(n_images) * n_neighbors + POINTER * (n_images + 1)


def token_width(case: Case) -> int:
    """All tokens of an image side by side."""
    return int(token_columns(case.size.n_features)["cls4+patch"].stop)


def n_weights(case: Case) -> float:
    """Weights and biases of all heads."""
    widths = (case.size.n_features, HIDDEN_DIM, HIDDEN_DIM, BOTTLENECK_DIM)
    hidden = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
    # The last layer has a direction and a scale for each cluster, and no bias.
    return case.size.n_heads * (hidden + (BOTTLENECK_DIM + 1) * case.head_clusters)
