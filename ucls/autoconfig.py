"""Settings that fit the size of the data."""

import math
from functools import reduce
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ucls.config import Config


class DataFacts(BaseModel):
    """All that settings may be fitted to; labels are not among it."""

    model_config = ConfigDict(frozen=True)

    n_images: int
    """N, training images."""
    n_features: int
    """D, width of the chosen features."""
    n_clusters: int
    """C."""
    backbone: str
    device: Literal["cpu", "cuda"]
    fast_precision: Literal["float32", "bfloat16"]
    """The precision whose matrix products are native on the device."""


def autoconfigure(config: Config, facts: DataFacts) -> Config:
    """Fills in every setting that the user (or a preset) left open.

    The papers train on 5,000 to 1.3 million images for 4,000 to 500,000 steps. Their settings do
    not carry over to small data: a teacher with momentum 0.996 has not moved after 700 steps,
    and 50 neighbours of an image with 10 kin are mostly wrong. The rules below come
    near the papers' values at the papers' sizes and shrink with the data; ``--preset`` gives the
    papers' own:

    ``neighbors.k``
        A fourteenth of a balanced cluster's N / C images, between 3 and the papers' 50: the
        nearest few are much purer than the rest of the cluster, and they still link up.
    ``neighbors.threshold``
        0.3 for DINOv2, on whose cosines the thesis measured it (table 6.16). Cosines of other
        features lie elsewhere, so there it is ``typical``: the median similarity of an image to
        its k-th neighbour, which lets images in dense regions have more than k.
    ``train.n_heads``
        The papers' 50 on a GPU, 32 on a CPU: the consensus gains little beyond (table 6.17).
    ``train.hidden_dim``, ``train.bottleneck_dim``
        The papers' 512 and 256, or less for narrow features and few images: the power of two that
        holds 2 D, no more than the batch, at least 128; and half of it.
    ``train.batch_size``
        The power of two nearest to N / 12, between 64 and the papers' 1024, and not below C, so
        that an epoch has about 12 steps and Sinkhorn a row for every cluster.
    ``train.epochs``
        100, or as many as make 1,000 steps, up to the papers' 400.
    ``train.warmup_epochs``
        A tenth of the epochs, as TEMI has it.
    ``train.learning_rate``
        AdamW moves a weight by at most the learning rate per step. We keep that path at 1 over
        the whole training (the papers' is 0.25): 1 / steps, at most 1e-3 per step.
    ``train.teacher_momentum``
        The teacher averages the last 1 / (1 - momentum) steps. Keep that at 3 % of the
        training, up to the papers' 0.996, which is reached at 8,300 steps.
    ``train.precision``
        bfloat16 where the device multiplies it natively: on two such CPU cores a step of 16 heads
        was 2.7 times faster, and digits came out as well.
    ``ensemble.heads``
        The half with the lowest training loss (``best``). Loss ranks the heads much as accuracy
        does (correlation -0.8 on digits), and the consensus of the better half was 1 point
        better there than that of all.
    ``self_train.inputs``
        Tokens for a ViT, as in DINOv2's linear evaluation. Raw pixels and features of unknown
        origin need not be linearly separable, and a linear classifier on them loses much of what
        the heads have learned; there it sees the heads' logits instead, while these are few
        (H * C up to 4,096).
    ``self_train.batch_size``, ``self_train.iterations``
        As for the heads, and 100 epochs of it, up to DINOv2's 1024 and 12,500.
    ``evaluate.kmeans_restarts``
        10, or 1 where a single k-means is already long (N * C * D above 1e9).

    Args:
        config: what was asked for; every value that is not None is kept as it is.
        facts: sizes and device.

    Returns:
        The same settings with no open field outside of ``extract`` and ``features``.
    """
    per_cluster = facts.n_images / facts.n_clusters
    train = config.train
    batch_size = train.batch_size or fitting_batch_size(facts.n_images, facts.n_clusters)
    batch_size = min(batch_size, facts.n_images)
    steps_per_epoch = max(1, facts.n_images // batch_size)
    epochs = train.epochs or fitting_epochs(steps_per_epoch, train.warmup_epochs or 0)
    steps = epochs * steps_per_epoch
    hidden_dim = train.hidden_dim or fitting_width(facts.n_features, batch_size)
    n_heads = train.n_heads or (50 if facts.device == "cuda" else 32)
    is_raw = facts.backbone in ("pixels", "features")
    self_train_batch = config.self_train.batch_size or min(1024, batch_size)
    self_train_steps = max(100, 100 * facts.n_images // self_train_batch)
    kmeans_size = facts.n_images * facts.n_clusters * facts.n_features
    fitted: dict[str, object] = {
        "n_clusters": facts.n_clusters,
        "neighbors.k": min(50, max(3, round(per_cluster / 14)), facts.n_images - 1),
        "neighbors.threshold": 0.3 if "dinov2" in facts.backbone else "typical",
        "train.n_heads": n_heads,
        "train.hidden_dim": hidden_dim,
        "train.bottleneck_dim": max(1, hidden_dim // 2),
        "train.batch_size": batch_size,
        "train.epochs": epochs,
        "train.warmup_epochs": epochs // 10,
        "train.learning_rate": float(f"{min(1e-3, 1.0 / steps) * 256 / batch_size:.4g}"),
        "train.teacher_momentum": round(min(0.996, max(0.5, 1.0 - 1.0 / (0.03 * steps))), 4),
        "train.precision": facts.fast_precision,
        "ensemble.heads": "best",
        "self_train.inputs": "heads" if is_raw and n_heads * facts.n_clusters <= 4096 else "tokens",
        "self_train.batch_size": self_train_batch,
        "self_train.iterations": min(12_500, self_train_steps),
        "evaluate.kmeans_restarts": 10 if kmeans_size <= 1e9 else 1,
    }
    return config.with_values({n: v for n, v in fitted.items() if is_open(config, n)})


def fitting_batch_size(n_images: int, n_clusters: int) -> int:
    """The power of two nearest to N / 12, between 64 and 1024, at least C and at most N."""
    nearest = 1 << round(math.log2(max(1.0, n_images / 12)))
    return min(n_images, max(min(1024, max(64, nearest)), next_power_of_two(n_clusters)))


def fitting_width(n_features: int, batch_size: int) -> int:
    """The power of two that holds 2 D, no more than the batch, between 128 and 512."""
    return max(128, min(512, next_power_of_two(2 * n_features), next_power_of_two(batch_size)))


def fitting_epochs(steps_per_epoch: int, warmup_epochs: int) -> int:
    """100, or as many as make 1,000 steps, up to 400; never fewer than the warm-up."""
    return max(warmup_epochs, min(400, max(100, math.ceil(1000 / steps_per_epoch))))


def next_power_of_two(number: int) -> int:
    """The smallest power of two that is not below ``number``."""
    return 1 << (number - 1).bit_length()


def is_open(config: Config, name: str) -> bool:
    """Whether the setting with this dotted name is left to the data."""
    return reduce(getattr, name.split("."), config) is None
