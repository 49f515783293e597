"""Settings of the training that fit the size of the data and the objective."""

import math
from typing import Any, Literal, NamedTuple

from ucls.settings.config import Config, required
from ucls.settings.data_facts import DataFacts
from ucls.settings.objectives import RECORDS
from ucls.types import Effort

IMAGES_PER_CLUSTER = 15
OVER_CLUSTERING = 3
LARGEST_BATCH = 2048
"""The probabilities of 50 heads with 3,000 clusters take 1.2 GB for each view of it."""


class Work(NamedTuple):
    """How much work an effort puts into the heads; ``python -m benchmarks efforts`` varies it."""

    n_heads: int
    """At most."""
    heads_at_once: int
    """On a CPU; a GPU trains all at once, as it has room."""
    epochs: int
    images: int
    """That are seen at least: smaller sets take more epochs, up to 100."""
    width: int
    """Of the heads' layers, and of what they see of the features; more for many clusters."""


EFFORTS: dict[Effort, Work] = {
    "quick": Work(n_heads=6, heads_at_once=6, epochs=15, images=75_000, width=64),
    "normal": Work(n_heads=16, heads_at_once=8, epochs=30, images=90_000, width=64),
    "thorough": Work(n_heads=48, heads_at_once=8, epochs=60, images=180_000, width=128),
}
"""From the least to the most."""


def fitting_training(config: Config, facts: DataFacts) -> dict[str, Any]:
    """What the section ``train`` takes for the settings that are open, by name.

    The papers train 50 heads of width 512 on all features for hundreds of epochs. On digits and on
    CNN features of CIFAR-100 a fraction of that gave as good a consensus, so the efforts take less;
    ``python -m benchmarks efforts`` varies each setting, on any labelled set:

    ``n_heads``, ``heads_at_once``
        ``quick`` 6; ``normal`` 8 at once, until the consensus no longer changes, 16 at most;
        ``thorough`` as many at once, 48 at most. On a GPU all at once. Half of it for ``c2bin`` and
        ``turtle``, and a quarter for ``self-classifier``, whose networks have several heads or take
        many steps.
    ``scales``
        1, 2, 4, 8 for ``self-classifier`` and 1, 2, 4 for ``c2bin``, as in their papers; 1 for
        ``turtle``, whose labels need not follow the neighbours. For all others, where heads are
        merged, three times as many clusters as wanted, or as many times as leave 15 images to
        each: smaller ones are linked by chance. Without merging as many as wanted.
    ``hidden_dim``, ``bottleneck_dim``
        64, ``thorough`` 128, or the power of two that holds half of the clusters, up to the papers'
        512 and 256 (``self-classifier``: 4096 and 128).
    ``components``
        Twice that width, as the first layer is the largest product: on 1,280 features 64, 128 and
        256 components were no worse than all. All of them if they are fewer than twice as many, or
        if TURTLE is to tell several feature spaces apart.
    ``batch_size``
        The power of two nearest to N / 12, between 64 and the papers' 1024, and not below the
        clusters of a head (as far as 2048), so that an epoch has about 12 steps and Sinkhorn a row
        for every cluster.
    ``epochs``
        30, ``quick`` 15, ``thorough`` 60, or as many as show 90,000 images (75,000, 180,000), up to
        100. They end sooner where the assignments stand still.
    ``warmup_epochs``
        A tenth of the epochs, as TEMI has it.
    ``learning_rate``
        AdamW moves a weight by at most the learning rate per step. We keep that path at 1 over
        the whole training (the papers' is 0.25): 1 / steps, at most 1e-3 per step. TURTLE's
        heads are linear, and a logit moves by all d inputs at once: 512 / d / steps, at most
        1.28 / d per step, and its inner classifiers 2.5 / d.
    ``teacher_momentum``
        The teacher averages the last 1 / (1 - momentum) steps. Keep that at 3 % of the
        training, up to the papers' 0.996, which is reached at 8,300 steps.
    ``precision``
        bfloat16 where the device multiplies it natively.
    ``early_stopping``
        On: a training that stands still has nothing to gain.

    What only some objectives heed is as :mod:`ucls.settings.objectives` has it.
    """
    train, record = config.train, RECORDS[config.train.objective]
    own = record.fitted
    scales = train.scales or fitting_scales(config, facts)
    n_outputs = round(max(scales) * facts.n_clusters)
    fitting = fitting_batch_size(facts.n_images, n_outputs)
    batch_size = min(train.batch_size or fitting, facts.n_images)
    steps_per_epoch = max(1, facts.n_images // batch_size)
    warmup_epochs = train.warmup_epochs or 0
    work = EFFORTS[required(config.effort)]
    epochs = train.epochs or max(warmup_epochs, fitting_epochs(work, facts.n_images))
    steps = epochs * steps_per_epoch
    n_heads = train.n_heads or -(-work.n_heads // record.heads_divided_by)
    at_once = -(-work.heads_at_once // record.heads_divided_by)
    # Principal axes of all columns would mix the spaces of linear heads.
    by_space = facts.n_spaces > 1 and record.linear
    components = train.components or ("all" if by_space else fitting_components(work, facts))
    n_inputs = facts.n_features if components == "all" else min(components, facts.n_features)
    rate = min(own.get("learning_rate", 1e-3), own.get("path", 1.0) / steps)
    rate *= 128 / n_inputs if record.linear else 1.0
    hidden_dim = train.hidden_dim or fitting_width(work, facts.n_clusters, widest=record.widest)
    values = {
        "n_heads": n_heads,
        "heads_at_once": n_heads if train.n_heads or facts.device == "cuda" else at_once,
        "scales": scales,
        "batch_size": batch_size,
        "epochs": epochs,
        "warmup_epochs": epochs // 10,
        "learning_rate": float(f"{rate * 256 / batch_size:.4g}"),
        "batch_norm": True,
        "views": own.get("views", "neighbor"),
        "precision": facts.fast_precision,
        "early_stopping": True,
    }
    fitted = {
        "components": components,
        "inner_learning_rate": float(f"{2.5 / n_inputs:.3g}"),
        "hidden_dim": hidden_dim,
        "bottleneck_dim": min(record.widest_bottleneck or 256, hidden_dim),
        "teacher_momentum": round(min(0.996, max(0.5, 1.0 - 1.0 / (0.03 * steps))), 4),
    }
    return values | objective_values(config, fitted)


def objective_values(config: Config, fitted: dict[str, Any]) -> dict[str, Any]:
    """What the objective takes for the settings that only some heed."""
    options = RECORDS[config.train.objective].options
    values = {name: fitted[name] if v is None else v for name, v in options.items()}
    values.pop("marginal_momentum" if config.train.prior == "soft" else "prior_strength", None)
    return values


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


def fitting_width(work: Work, n_clusters: int, *, widest: int = 512) -> int:
    """The effort's own, or the power of two that holds half of the clusters."""
    return min(widest, max(work.width, next_power_of_two(-(-n_clusters // 2))))


def fitting_components(work: Work, facts: DataFacts) -> int | Literal["all"]:
    """Twice the width of the heads, or all where that is more than half of them."""
    wanted = 2 * fitting_width(work, facts.n_clusters)
    return wanted if 2 * wanted <= facts.n_features else "all"


def fitting_epochs(work: Work, n_images: int) -> int:
    """The effort's own, or as many as show enough images, up to 100."""
    return max(work.epochs, min(100, math.ceil(work.images / n_images)))


def next_power_of_two(number: int) -> int:
    """The smallest power of two that is not below ``number``."""
    return 1 << (number - 1).bit_length()
