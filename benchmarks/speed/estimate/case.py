"""The sizes that are estimated, and what each keeps in bytes, by arithmetic."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from benchmarks.speed.self_training import N_BLOCKS, token_columns
from benchmarks.speed.size import Size
from benchmarks.speed.training import BOTTLENECK_DIM, HIDDEN_DIM
from ucls.baselines import SAMPLE_PER_CLUSTER
from ucls.config import SelfTrainConfig

HALF, SINGLE, LABEL, INDEX, POINTER = 2, 4, 4, 4, 8
"""Bytes of float16, float32, int32 labels, int32 neighbours and int64 row ends."""
GRAPH = "int32 and float16 a pair, int64 a row"


class Array(NamedTuple):
    """Something that takes room."""

    what: str
    n_bytes: float
    how: str
    """It is counted."""


@dataclass(frozen=True)
class Case:
    """A run on paper.

    Attributes:
        title: what it is.
        size: N, C, H and D.
        epochs: of the training, one estimate for each.
        scale: clusters of a head, as a multiple of C; merged down where it is more than 1.
        batch_size: of the training.
        n_smoothing: neighbours that the teacher sees (m).
        k: least neighbours of an image; N / C are the most.
        iterations: of self-training.
    """

    title: str
    size: Size
    epochs: tuple[int, ...] = (100,)
    scale: int = 1
    batch_size: int = 1024
    n_smoothing: int = 1
    k: int = 50
    iterations: int = 12_500

    @property
    def head_clusters(self) -> int:
        """Clusters of a head."""
        return self.scale * self.size.n_clusters

    @property
    def merges(self) -> bool:
        """Whether heads are merged."""
        return self.scale > 1

    @property
    def cap(self) -> int:
        """N / C, the most neighbours of an image, but never less than k."""
        return max(self.k, self.size.cap)

    @property
    def n_fitted_to(self) -> int:
        """Images of the sample that k-means is fitted to."""
        return min(self.size.n_images, SAMPLE_PER_CLUSTER * self.size.n_clusters)

    @property
    def token_width(self) -> int:
        """All tokens of an image side by side."""
        return int(token_columns(self.size.n_features)["cls4+patch"].stop)

    @property
    def n_weights(self) -> int:
        """Weights and biases of all heads."""
        widths = (self.size.n_features, HIDDEN_DIM, HIDDEN_DIM, BOTTLENECK_DIM)
        hidden = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
        # The last layer has a direction and a scale for each cluster, and no bias.
        return self.size.n_heads * (hidden + (BOTTLENECK_DIM + 1) * self.head_clusters)

    def graph_bytes(self, n_neighbors: int) -> float:
        """Of a neighbour graph, in memory as on disk."""
        n_images = self.size.n_images
        return (INDEX + HALF) * float(n_images) * n_neighbors + POINTER * (n_images + 1)

    def on_disk(self) -> list[Array]:
        """The feature cache and the larger files of a run folder."""
        n_images, n_heads, tokens = self.size.n_images, self.size.n_heads, self.token_width
        weights, labels = SINGLE * self.n_weights, (LABEL + HALF) * n_images
        return [
            Array("features", HALF * n_images * tokens, f"float16, {N_BLOCKS} tokens and a mean"),
            Array(f"neighbors.h5, {self.k} each", self.graph_bytes(self.k), GRAPH),
            Array(f"neighbors.h5, at the cap of {self.cap:,}", self.graph_bytes(self.cap), GRAPH),
            Array("heads.safetensors", weights, "float32, all heads"),
            Array("checkpoint.safetensors", 4 * weights, "student, teacher, two moments"),
            Array("assignments.h5", n_heads * labels, "int32 and float16, all heads"),
            Array("consensus.h5", labels, "int32 and float16"),
            Array(
                "classifier.safetensors",
                SINGLE * tokens * self.size.n_clusters,
                "float32, the widest",
            ),
        ]

    def in_memory(self) -> list[Array]:
        """What the stages hold at their peak, without Python, libraries and what a step needs.

        Merging and consensus hold several copies of edges and labels, which are measured instead.
        """
        n_images, n_heads = self.size.n_images, self.size.n_heads
        features = n_images * self.size.n_features
        logits = SINGLE * n_heads * self.batch_size * self.head_clusters
        tokens = HALF * n_images * self.token_width
        return [
            Array("neighbors: features", HALF * features, "float16"),
            Array(f"neighbors: graph, {self.k} each", self.graph_bytes(self.k), GRAPH),
            Array(f"neighbors: graph, cap {self.cap:,}", self.graph_bytes(self.cap), GRAPH),
            Array("train: features", SINGLE * features, "float32; on a GPU there and here"),
            Array("train: heads", 5 * SINGLE * self.n_weights, "float32, AdamW and teacher"),
            Array(
                "train: logits of a step",
                3 * logits,
                "float32, of the teacher twice and of the student",
            ),
            Array(
                "train: labels at its end",
                2 * (2 * SINGLE + SINGLE) * n_heads * n_images,
                "int64 and float32, in parts and whole",
            ),
            Array(
                "self-train: tokens",
                tokens * (1 + SelfTrainConfig().holdout),
                "float16, those held out twice",
            ),
            Array(
                "evaluate: features for k-means",
                SINGLE * features * (1 + 2 * self.n_fitted_to / n_images),
                "float32, and a sample with its copy",
            ),
        ]


IMAGENET = Size(n_images=1_281_167, n_clusters=1000, n_heads=50, n_features=2048)
HUNDRED_MILLION = replace(IMAGENET, n_images=100_000_000)

IMAGENET_CASES = (
    Case("ImageNet-1k, heads as in the thesis", IMAGENET, epochs=(100, 400)),
    # The batch is that which autoconfig takes for 3,000 clusters.
    Case("ImageNet-1k, heads of 3 C clusters, merged", IMAGENET, scale=3, batch_size=2048),
)
UCLS_CASE = replace(
    IMAGENET_CASES[1], title="ImageNet-1k, UCLS's own settings: 3 C clusters, m=4", n_smoothing=4
)
LARGE_CASES = (
    Case("100 million images, C=1,000", HUNDRED_MILLION),
    Case("100 million images, C=10,000", replace(HUNDRED_MILLION, n_clusters=10_000)),
)
