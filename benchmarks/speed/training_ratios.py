"""Training against its bare matrix products, and against training as it is usually written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from benchmarks.speed.measurement import Measurement, Work, against_each, time_in_turns, time_once
from benchmarks.speed.size import Size
from benchmarks.speed.step_products import step_products
from benchmarks.speed.straightforward import StraightforwardTrainer
from benchmarks.speed.training import (
    Training,
    device,
    fitted_config,
    random_training,
    simulated_training,
    step_taker,
    ucls_config,
)
from ucls.config import TrainConfig, required
from ucls.memory import freed_memory_kept
from ucls.metrics import clustering_accuracy
from ucls.objectives.settings import OPTIONS, SPECIAL, ObjectiveName
from ucls.training import HeadTrainer

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
    objective: ObjectiveName,
    precisions: Iterable[str],
    size: Size,
    *,
    repeats: int,
    **settings: object,
) -> Iterator[Measurement]:
    """One step of an objective against its products, with those settings that it heeds."""
    heeded = {
        name: value
        for name, value in settings.items()
        if name not in SPECIAL or name in OPTIONS[objective]
    }
    for precision in precisions:
        config = fitted_config(size, objective=objective, precision=precision, **heeded)
        scales = "+".join(f"{scale:g}" for scale in config.scales or ())
        name = f"{objective} {precision}" + (f", scales {scales}" if scales else "")
        yield from step_ratio(name, config, size, repeats=repeats)


def step_ratio(
    name: str, config: TrainConfig, size: Size, *, repeats: int, peer: bool = False
) -> list[Measurement]:
    """One step on random features against its products, and against the peer if that is wanted."""
    data = random_training(replace(size, n_images=N_BATCHES * required(config.batch_size)))
    trainer = data.trainer(HeadTrainer, config)
    products = step_products(config, size, n_partners=trainer.objective.n_partners, device=device())

    def multiply() -> None:
        for product in products:
            product()

    references: dict[str, Work] = {BARE: multiply}
    if peer:
        single = config.model_copy(update={"precision": "float32"})
        plain = data.trainer(StraightforwardTrainer, single)
        images, neighbors = next(iter(plain.loader))
        references[STRAIGHTFORWARD] = lambda: plain.step(images, neighbors)
    with freed_memory_kept():
        return against_each(name, step_taker(trainer), references, repeats=repeats, warm_up=2)


def epoch_ratios(
    size: Size, *, repeats: int, peers: Sequence[str] = tuple(PEERS), **settings: object
) -> list[Measurement]:
    """An epoch of ours, in bfloat16, against an epoch of the straightforward trainer."""
    data = simulated_training(size)
    ours = data.trainer(HeadTrainer, ucls_config(size, precision="bfloat16", **settings))
    works: dict[str, Work] = {"ours": ours.train_epoch}
    for peer in peers:
        precision, two_way = PEERS[peer]
        config = ucls_config(size, precision=precision, **settings)
        works[peer] = data.trainer(StraightforwardTrainer, config, two_way=two_way).train_epoch
    with freed_memory_kept():
        seconds = time_in_turns(works, repeats=repeats, warm_up=0)
    name = f"epoch of {size.n_images:,} simulated images, {_shape(size)} bfloat16"
    return [Measurement(name, peer, seconds["ours"], seconds[peer]) for peer in peers]


def accuracy_ratios(
    size: Size, *, epochs: int, reached: float = 0.99, **settings: object
) -> list[Measurement]:
    """The same training to its end by both, ours in bfloat16: time for all, and to the same ACC.

    ACC is the mean over the heads after an epoch; the same one is a share of the lower final one.
    """
    data = simulated_training(size)
    configs = (
        ucls_config(size, precision=precision, epochs=epochs, **settings)
        for precision in ("bfloat16", "float32")
    )
    ours, plain = map(data.trainer, (HeadTrainer, StraightforwardTrainer), configs)
    with freed_memory_kept():
        curves = [
            _curve(data, epochs, ours.train_epoch, lambda: ours.predict(data.features).labels),
            _curve(data, epochs, plain.train_epoch, plain.labels),
        ]
    final, plain_final = (accuracies[-1] for _, accuracies in curves)
    target = reached * min(final, plain_final)
    whole = ([seconds[-1]] for seconds, _ in curves)
    # Accuracy need not rise from epoch to epoch: the first that is high enough counts.
    until = ([seconds[int(np.argmax(accuracies >= target))]] for seconds, accuracies in curves)
    name = f"of {size.n_images:,} simulated images, {_shape(size)}, {epochs} epochs, bfloat16"
    facts = {"final_acc": float(final), "reference_final_acc": float(plain_final)}
    return [
        Measurement(f"training {name}", STRAIGHTFORWARD, *whole, facts),
        Measurement(
            f"training to the same ACC {name}", STRAIGHTFORWARD, *until, {"acc": float(target)}
        ),
    ]


def _curve(
    data: Training, epochs: int, train_epoch: Work, labels: Callable[[], npt.NDArray[np.int32]]
) -> tuple[list[float], npt.NDArray[np.float64]]:
    """Seconds spent on training alone, and ACC, after each epoch."""
    seconds, accuracies = [], []
    for _ in range(epochs):
        seconds.append(time_once(train_epoch))
        accuracies.append(np.mean([clustering_accuracy(data.labels, head) for head in labels()]))
    return np.cumsum(seconds).tolist(), np.array(accuracies)


def _shape(size: Size) -> str:
    return f"H={size.n_heads} C={size.n_clusters} D={size.n_features}"
