"""The effort that fits a time limit, from steps measured on this machine."""

import numpy as np

from ucls.progress import Reporter
from ucls.runs.resolve import ExtractedData, feature_widths, resolve
from ucls.settings.config import Config, required
from ucls.settings.fitting_train import EFFORTS
from ucls.types import Effort, NeighborGraph
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
    from ucls.devices import resolve_device
    from ucls.malloc import freed_memory_kept
    from ucls.training.groups import group_sizes
    from ucls.training.timing import seconds_per_step
    from ucls.training.trainer import HeadTrainer

    chosen = requested.with_values({"time_limit": None, "effort": effort})
    config = resolve(chosen, data)
    train, widths = config.train, feature_widths(required(config.features), data)
    groups = group_sizes(required(train.n_heads), required(train.heads_at_once))
    batch_size = min(required(train.batch_size), data.n_images)
    n_made_up = min(BATCHES * batch_size, data.n_images)
    features = np.random.default_rng(0).standard_normal((n_made_up, sum(widths)), np.float32)
    trainer = HeadTrainer.on(
        features,
        _next_image(n_made_up),
        train.model_copy(update={"n_heads": groups[0], "views": "neighbor"}),
        n_clusters=required(config.n_clusters),
        seed=config.seed,
        device=resolve_device(config.device),
        spaces=widths,
    )
    steps = required(train.epochs) * (data.n_images // batch_size)
    # Heads of the first group may give way to others, see HeadTraining.
    may_give_way = config.merge.linkage == "auto" and min(required(train.scales)) > 1
    n_trained = sum(groups) + may_give_way * groups[0]
    with freed_memory_kept():
        return seconds_per_step(trainer) * steps * n_trained / groups[0]


def _next_image(n_images: int) -> NeighborGraph:
    """A graph in which each image has the next one as its neighbour."""
    indices = np.roll(np.arange(n_images, dtype=np.int32), -1)
    similarity = np.ones(n_images, dtype=np.float16)
    return NeighborGraph(
        np.arange(n_images + 1, dtype=np.int64), indices, similarity, k=1,
        threshold=None, cap=None, n_capped=0, backend="made up", exact=True,
    )  # fmt: skip
