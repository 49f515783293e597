"""Training against its bare matrix products, and against training as it is usually written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.speed.measurement import Measurement, Work, against_each, time_in_turns
from benchmarks.speed.size import Size
from benchmarks.speed.step_products import step_products
from benchmarks.speed.training import (
    Training,
    device,
    fitted_config,
    random_training,
    step_taker,
    ucls_config,
)
from ucls.config import TrainConfig, required
from ucls.memory import freed_memory_kept
from ucls.metrics import clustering_accuracy

PRECISIONS = ("float32", "bfloat16")
STRAIGHTFORWARD = "straightforward trainer, float32, two-way"
PEERS = {
    STRAIGHTFORWARD: ("float32", True),
    "straightforward trainer, float32, one-way": ("float32", False),
    "straightforward trainer, bfloat16, two-way": ("bfloat16", True),
}
"""Precision, and whether its loss goes both ways, as in TEMI's code."""
BARE = "bare matmuls"
N_BATCHES = 8
"""Of a step's data, taken in turn."""


def step_ratios(
    sizes: Iterable[Size], *, repeats: int, **settings: object
) -> Iterator[Measurement]:
    """One step of ``ucls`` at each size against its products and the straightforward trainer."""
    for size in sizes:
        for precision in PRECISIONS:
            config = ucls_config(size, precision=precision, **settings)
            name = f"training step, {_shape(size)} {precision}"
            yield from step_ratio(name, config, size, repeats=repeats, peer=True)


def objective_ratios(
    objectives: Iterable[str],
    precisions: Iterable[str],
    size: Size,
    *,
    repeats: int,
    **settings: object,
) -> Iterator[Measurement]:
    """One step of each objective, with the settings that a run of it would have.

    Args:
        objectives: some of :data:`ucls.objectives.settings.OBJECTIVES`.
        precisions: of the products, ``float32`` or ``bfloat16``.
        size: of the data that the settings are fitted to.
        repeats: steps that are timed.
        settings: of ``train``; those that an objective does not heed are left out for it.
    """
    for objective in objectives:
        heeded = {name: settings[name] for name in settings if heeds(objective, name)}
        for precision in precisions:
            config = fitted_config(size, objective=objective, precision=precision, **heeded)
            scales = "+".join(f"{scale:g}" for scale in config.scales or ())
            name = f"{objective} {precision}" + (f", scales {scales}" if scales else "")
            yield from step_ratio(name, config, size, repeats=repeats)


def heeds(objective: str, setting: str) -> bool:
    """Whether an objective takes a setting of the step's size."""
    if setting in ("hidden_dim", "bottleneck_dim"):
        return objective != "turtle"
    if setting == "n_smoothing":
        return objective in ("ucls", "temi", "scan")
    return setting != "symmetric" or objective in ("ucls", "temi")


def step_ratio(
    name: str, config: TrainConfig, size: Size, *, repeats: int, peer: bool = False
) -> list[Measurement]:
    """One step on random features against its products, and against the peer if that is wanted."""
    data = random_training(replace(size, n_images=N_BATCHES * required(config.batch_size)))
    trainer = data.ours(config)
    products = step_products(config, size, n_partners=trainer.objective.n_partners, device=device())
    references: dict[str, Work] = {BARE: lambda: [product() for product in products]}
    if peer:
        plain = data.straightforward(config.model_copy(update={"precision": "float32"}))
        images, neighbors = next(iter(plain.loader))
        references[STRAIGHTFORWARD] = lambda: plain.step(images, neighbors)
    with freed_memory_kept():
        return against_each(name, step_taker(trainer), references, repeats=repeats, warm_up=2)


def epoch_ratios(
    data: Training,
    size: Size,
    *,
    repeats: int,
    peers: Sequence[str] = tuple(PEERS),
    **settings: object,
) -> list[Measurement]:
    """An epoch of ours, in bfloat16, against an epoch of the straightforward trainer."""
    works: dict[str, Work] = {
        "ours": data.ours(ucls_config(size, precision="bfloat16", **settings)).train_epoch
    }
    for peer in peers:
        precision, two_way = PEERS[peer]
        config = ucls_config(size, precision=precision, **settings)
        works[peer] = data.straightforward(config, two_way=two_way).train_epoch
    with freed_memory_kept():
        seconds = time_in_turns(works, repeats=repeats, warm_up=0)
    name = f"epoch of {size.n_images:,} simulated images, {_shape(size)} bfloat16"
    return [Measurement(name, peer, seconds["ours"], seconds[peer]) for peer in peers]


def accuracy_ratios(
    data: Training, size: Size, *, epochs: int, reached: float = 0.99, **settings: object
) -> list[Measurement]:
    """The same training to its end by both: time for all of it, and time to the same ACC.

    ACC is the mean over the heads, on the training images, looked at after each epoch. The same
    ACC is ``reached`` of the lower one of both final ones. Ours trains in bfloat16.
    """
    ours = data.ours(ucls_config(size, precision="bfloat16", epochs=epochs, **settings))
    plain = data.straightforward(ucls_config(size, precision="float32", epochs=epochs, **settings))
    with freed_memory_kept():
        curves = [
            _curve(data, epochs, ours.train_epoch, lambda: ours.predict(data.features).labels),
            _curve(data, epochs, plain.train_epoch, plain.labels),
        ]
    final = {"final_acc": curves[0][-1].accuracy, "reference_final_acc": curves[1][-1].accuracy}
    target = reached * min(final.values())
    name = f"of {size.n_images:,} simulated images, {_shape(size)}, {epochs} epochs, bfloat16"
    return [
        Measurement(
            f"training {name}", STRAIGHTFORWARD, *([curve[-1].seconds] for curve in curves), final
        ),
        Measurement(
            f"training to the same ACC {name}",
            STRAIGHTFORWARD,
            *([_seconds_to(curve, target)] for curve in curves),
            {"acc": target},
        ),
    ]


class Point(NamedTuple):
    """How far a training is."""

    seconds: float
    """Spent on training alone."""
    accuracy: float


def _curve(
    data: Training,
    epochs: int,
    train_epoch: Callable[[], object],
    labels: Callable[[], npt.NDArray[np.int32]],
) -> list[Point]:
    points, seconds = [], 0.0
    for _ in range(epochs):
        seconds += time_in_turns({"epoch": train_epoch}, repeats=1, warm_up=0)["epoch"][0]
        accuracy = np.mean([clustering_accuracy(data.labels, head) for head in labels()])
        points.append(Point(seconds, float(accuracy)))
    return points


def _seconds_to(curve: list[Point], target: float) -> float:
    return next(point.seconds for point in curve if point.accuracy >= target)


def _shape(size: Size) -> str:
    return f"H={size.n_heads} C={size.n_clusters} D={size.n_features}"
