"""The effort that fits a time limit, from steps measured on this machine."""

import numpy as np

from ucls.neighbors.made_up import made_up_graph
from ucls.progress import Reporter
from ucls.runs.resolve import ExtractedData, feature_widths, resolve
from ucls.settings.config import Config, required
from ucls.settings.fitting_train import EFFORTS
from ucls.types import Effort
from ucls.wording import duration

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
REST = 1.3
"""What a whole run takes, as a multiple of its training."""
BATCHES = 4
"""Of made-up images, whose steps are measured."""


def fitting_effort(
    requested: Config, data: ExtractedData, *, elapsed: float, reporter: Reporter
) -> Effort:
    """The most thorough effort whose run will end within the limit; ``quick`` if none does.

    Args:
        requested: settings with a time limit.
        data: what the extraction found.
        elapsed: seconds that are gone already.
        reporter: told of the choice.
    """
    text = required(requested.time_limit)
    left = limit_seconds(text) - elapsed
    beyond = ""
    for effort in reversed(EFFORTS):
        seconds = REST * estimate_training(requested, data, effort)
        if seconds <= left or effort == "quick":
            break
        beyond = f" ({effort} might take {duration(seconds)})"
    late = "" if seconds <= left else ", which is more than the limit leaves"
    reporter.say(
        f"time limit {text}: effort {effort}, at most {duration(seconds)} from here{late}{beyond}"
    )
    return effort


def limit_seconds(text: str) -> float:
    """The seconds of a time limit such as ``10m``."""
    return float(text[:-1]) * SECONDS[text[-1]]


def estimate_training(requested: Config, data: ExtractedData, effort: Effort) -> float:
    """Seconds that the training may take, by a few steps on made-up images of the real width."""
    chosen = requested.with_values({"time_limit": None, "effort": effort})
    config = resolve(chosen, data)
    return measured_step(config, data) * training_steps(config, data.n_images)


def training_steps(config: Config, n_images: int, *, n_processes: int = 1) -> float:
    """Steps of a whole group that the training takes, one group after the other, at most.

    Args:
        config: all fields set, as :func:`ucls.runs.resolve.resolve` leaves them.
        n_images: N.
        n_processes: that train a group each at the same time, or each a part of every batch.
    """
    from ucls.training.groups import group_sizes

    train = config.train
    sizes = group_sizes(required(train.n_heads), required(train.heads_at_once))
    # Heads of the first group may give way to others, see HeadTraining.
    may_give_way = config.merge.linkage == "auto" and min(required(train.scales)) > 1
    batch_size = min(required(train.batch_size), n_images)
    per_group = required(train.epochs) * (n_images // batch_size)
    if train.parallel == "data" or n_processes == 1:
        return per_group * (sum(sizes) / sizes[0] + may_give_way) / n_processes
    return per_group * (-(-len(sizes) // n_processes) + may_give_way)


def measured_step(config: Config, data: ExtractedData) -> float:
    """Seconds of a step of the first group of heads, on made-up images of the real width."""
    from ucls.devices import resolve_device
    from ucls.malloc import freed_memory_kept
    from ucls.training.groups import group_sizes
    from ucls.training.timing import seconds_per_step
    from ucls.training.trainer import HeadTrainer

    train, widths = config.train, feature_widths(required(config.features), data)
    n_heads = group_sizes(required(train.n_heads), required(train.heads_at_once))[0]
    batch_size = min(required(train.batch_size), data.n_images)
    n_made_up = min(BATCHES * batch_size, data.n_images)
    features = np.random.default_rng(0).standard_normal((n_made_up, sum(widths)), np.float32)
    trainer = HeadTrainer.on(
        features,
        made_up_graph(np.roll(np.arange(n_made_up, dtype=np.int32), -1)[:, None]),
        train.model_copy(update={"n_heads": n_heads, "views": "neighbor"}),
        n_clusters=required(config.n_clusters),
        seed=config.seed,
        device=resolve_device(config.device),
        spaces=widths,
    )
    with freed_memory_kept():
        return seconds_per_step(trainer)
