"""Settings of the training that fit the size of the data and the objective."""

import math
from typing import Any

from ucls.settings.config import Config
from ucls.settings.data_facts import DataFacts
from ucls.settings.objectives import RECORDS, Record

IMAGES_PER_CLUSTER = 15
OVER_CLUSTERING = 3
LARGEST_BATCH = 2048
"""The probabilities of 50 heads with 3,000 clusters take 1.2 GB for each view of it."""


def fitting_training(config: Config, facts: DataFacts) -> dict[str, Any]:
    """What the section ``train`` takes for the settings that are open, by name.

    The papers train on 5,000 to 1.3 million images for 4,000 to 500,000 steps. The rules come near
    their values at their sizes and shrink with the data:

    ``n_heads``
        The papers' 50 on a GPU, 32 on a CPU: the consensus gains little beyond (table 6.17). Half
        of it for ``c2bin`` and ``turtle``, and a quarter for ``self-classifier``, whose networks
        have several heads or take many steps.
    ``scales``
        1, 2, 4, 8 for ``self-classifier`` and 1, 2, 4 for ``c2bin``, as in their papers; 1 for
        ``turtle``, whose labels need not follow the neighbours. For all others, where heads are
        merged, three times as many clusters as wanted, or as many times as leave 15 images to
        each: smaller ones are linked by chance. Without merging as many as wanted.
    ``hidden_dim``, ``bottleneck_dim``
        The papers' 512 and 256 (``self-classifier``: 4096 and 128), or less for narrow features and
        few images: the power of two that holds 2 D, no more than a batch below 1024, at least 128;
        and half of it.
    ``batch_size``
        The power of two nearest to N / 12, between 64 and the papers' 1024, and not below the
        clusters of a head (as far as 2048), so that an epoch has about 12 steps and Sinkhorn a row
        for every cluster. TURTLE wants its 10,000.
    ``epochs``
        100, or as many as make 1,000 steps, up to the papers' 400. TURTLE takes many inner steps
        for each of its own, and 300 epochs.
    ``warmup_epochs``
        A tenth of the epochs, as TEMI has it.
    ``learning_rate``
        AdamW moves a weight by at most the learning rate per step. We keep that path at 1 over
        the whole training (the papers' is 0.25): 1 / steps, at most 1e-3 per step. TURTLE's
        weights are few and its steps too: 0.03.
    ``teacher_momentum``
        The teacher averages the last 1 / (1 - momentum) steps. Keep that at 3 % of the
        training, up to the papers' 0.996, which is reached at 8,300 steps.
    ``precision``
        bfloat16 where the device multiplies it natively: on two such CPU cores a step of 16 heads
        was 2.7 times faster, and digits came out as well.
    ``early_stopping``
        On: a training that stands still has nothing to gain.

    What only some objectives heed is as :mod:`ucls.settings.objectives` has it.
    """
    train, record = config.train, RECORDS[config.train.objective]
    own = record.fitted
    scales = train.scales or fitting_scales(config, facts)
    n_outputs = round(max(scales) * facts.n_clusters)
    fitting = own.get("batch_size") or fitting_batch_size(facts.n_images, n_outputs)
    batch_size = min(train.batch_size or fitting, facts.n_images)
    steps_per_epoch = max(1, facts.n_images // batch_size)
    warmup_epochs = train.warmup_epochs or 0
    fitting = own.get("epochs") or fitting_epochs(steps_per_epoch)
    epochs = train.epochs or max(warmup_epochs, fitting)
    steps = epochs * steps_per_epoch
    rate = own.get("learning_rate") or min(1e-3, 1.0 / steps)
    hidden_dim = train.hidden_dim or fitting_width(
        facts.n_features, batch_size, widest=record.widest
    )
    values = {
        "n_heads": fitting_heads(record, facts),
        "scales": scales,
        "batch_size": batch_size,
        "epochs": epochs,
        "warmup_epochs": epochs // 10,
        "learning_rate": float(f"{rate * 256 / batch_size:.4g}"),
        "batch_norm": own.get("batch_norm", True),
        "views": own.get("views", "neighbor"),
        "precision": facts.fast_precision,
        "early_stopping": True,
    }
    fitted = {
        "hidden_dim": hidden_dim,
        "bottleneck_dim": min(record.widest_bottleneck or hidden_dim, max(1, hidden_dim // 2)),
        "teacher_momentum": round(min(0.996, max(0.5, 1.0 - 1.0 / (0.03 * steps))), 4),
    }
    return values | objective_values(config, fitted)


def objective_values(config: Config, fitted: dict[str, Any]) -> dict[str, Any]:
    """What the objective takes for the settings that only some heed."""
    options = RECORDS[config.train.objective].options
    values = {name: fitted[name] if v is None else v for name, v in options.items()}
    if config.train.prior != "soft":
        values.pop("prior_strength", None)
    return values


def fitting_heads(record: Record, facts: DataFacts) -> int:
    """50 on a GPU and 32 on a CPU, or fewer where each costs more."""
    n_heads = 50 if facts.device == "cuda" else 32
    return -(-n_heads // record.heads_divided_by)


def fitting_scales(config: Config, facts: DataFacts) -> tuple[float, ...]:
    """The objective's own, or as many times the clusters as merging needs."""
    if (own := RECORDS[config.train.objective].scales) is not None:
        return own
    if config.merge.linkage == "none":
        return (1,)
    room = facts.n_images // (IMAGES_PER_CLUSTER * facts.n_clusters)
    return (min(OVER_CLUSTERING, max(1, room)),)


def fitting_batch_size(n_images: int, n_outputs: int) -> int:
    """The power of two nearest to N / 12, between 64 and 1024; a row per cluster, up to 2048."""
    nearest = 1 << round(math.log2(max(1.0, n_images / 12)))
    by_clusters = min(LARGEST_BATCH, next_power_of_two(n_outputs))
    return min(n_images, max(min(1024, max(64, nearest)), by_clusters))


def fitting_width(n_features: int, batch_size: int, *, widest: int = 512) -> int:
    """The power of two that holds 2 D, no more than the batch (of 1024: any), at least 128."""
    by_batch = widest if batch_size >= 1024 else next_power_of_two(batch_size)
    return max(128, min(widest, next_power_of_two(2 * n_features), by_batch))


def fitting_epochs(steps_per_epoch: int) -> int:
    """100, or as many as make 1,000 steps, up to 400."""
    return min(400, max(100, math.ceil(1000 / steps_per_epoch)))


def next_power_of_two(number: int) -> int:
    """The smallest power of two that is not below ``number``."""
    return 1 << (number - 1).bit_length()
