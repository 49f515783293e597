"""Training against its bare matrix products, and against training as it is usually written."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.speed import training
from benchmarks.speed.measurement import Measurement, Size, Work, against_each, time_once
from benchmarks.speed.step_products import step_products
from benchmarks.speed.straightforward import StraightforwardTrainer
from ucls.malloc import freed_memory_kept
from ucls.metrics import clustering_accuracy
from ucls.settings.config import TrainConfig, required
from ucls.settings.objectives import RECORDS, special_settings
from ucls.training.trainer import HeadTrainer

PRECISIONS = ("float32", "bfloat16")
STRAIGHTFORWARD = "straightforward trainer, float32, two-way"
PEERS = {
    STRAIGHTFORWARD: ("float32", True),
    "straightforward trainer, float32, one-way": ("float32", False),
    "straightforward trainer, bfloat16, two-way": ("bfloat16", True),
}
"""Precision, and whether its loss goes both ways, as in TEMI's code."""
BARE = "bare matmuls"
N_BATCHES = 8  # Of a step's data, taken in turn.


def step_ratios(
    sizes: Iterable[Size], *, repeats: int, **settings: object
) -> Iterator[Measurement]:
    """One step of ``ucls`` at each size against its products and the straightforward trainer."""
    for size in sizes:
        for precision in PRECISIONS:
            config = training.ucls_config(size, precision=precision, **settings)
            name = f"training step, {_shape(size)} {precision}"
            yield from step_ratio(name, config, size, repeats=repeats, peer=True)


def objective_ratios(
    objective: str, precisions: Iterable[str], size: Size, *, repeats: int,
    **settings: object,
) -> Iterator[Measurement]:  # fmt: skip
    """One step of an objective against its products, with those settings that it heeds."""
    ignored = special_settings() - RECORDS[objective].options.keys()
    heeded = {name: value for name, value in settings.items() if name not in ignored}
    for precision in precisions:
        config = training.fitted_config(size, objective=objective, precision=precision, **heeded)
        scales = "+".join(f"{scale:g}" for scale in config.scales or ())
        name = f"{objective} {precision}" + (f", scales {scales}" if scales else "")
        yield from step_ratio(name, config, size, repeats=repeats)


def step_ratio(
    name: str, config: TrainConfig, size: Size, *, repeats: int, peer: bool = False
) -> list[Measurement]:
    """One step on random features against its products, and against the peer if that is wanted."""
    n_images, where = N_BATCHES * required(config.batch_size), training.device()
    inputs = training.random_inputs(replace(size, n_images=n_images))
    trainer = HeadTrainer.on(**inputs, config=config, device=where)
    products = step_products(config, size, n_partners=trainer.objective.n_partners, device=where)
    references: dict[str, Work] = {BARE: lambda: deque((one() for one in products), maxlen=0)}
    if peer:
        single = config.model_copy(update={"precision": "float32"})
        plain = StraightforwardTrainer(**inputs, config=single, device=where)
        images, neighbors = next(iter(plain.loader))
        references[STRAIGHTFORWARD] = lambda: plain.step(images, neighbors)
    with freed_memory_kept():
        ours = training.step_taker(trainer)
        return against_each(name, ours, references, repeats=repeats, warm_up=2)


def epoch_ratios(
    size: Size, *, repeats: int, peers: Sequence[str] = tuple(PEERS), **settings: object
) -> list[Measurement]:
    """An epoch of ours, in bfloat16, against an epoch of the straightforward trainer."""
    inputs, _ = training.simulated_inputs(size)
    inputs["device"] = training.device()
    configs = {one: training.ucls_config(size, precision=one, **settings) for one in PRECISIONS}
    ours = HeadTrainer.on(**inputs, config=configs["bfloat16"])
    works: dict[str, Work] = {}
    for peer in peers:
        precision, two_way = PEERS[peer]
        plain = StraightforwardTrainer(**inputs, config=configs[precision], two_way=two_way)
        works[peer] = plain.train_epoch
    name = f"epoch of {size.n_images:,} simulated images, {_shape(size)} bfloat16"
    with freed_memory_kept():
        return against_each(name, ours.train_epoch, works, repeats=repeats, warm_up=0)


def accuracy_ratios(
    size: Size, *, epochs: int, share: float = 0.99, **settings: object
) -> list[Measurement]:
    """A training to its end by both: time for all, and to the same share of the lower mean ACC.

    Ours with the settings of a run, the straightforward one with widths and batch of the thesis.
    """
    inputs, classes = training.simulated_inputs(size)
    alike = {"epochs": epochs, "scales": (1,), **settings}
    half = training.fitted_config(size, precision="bfloat16", **alike)
    single = training.ucls_config(size, precision="float32", **alike)
    ours = HeadTrainer.on(**inputs, config=half, device=training.device())
    plain = StraightforwardTrainer(**inputs, config=single, device=training.device())
    labelling = (lambda: ours.predict(inputs["features"]).labels), plain.labels
    seconds, accuracies = np.zeros((2, 2, epochs))
    with freed_memory_kept():
        for row, (trainer, labels) in enumerate(zip((ours, plain), labelling, strict=True)):
            for epoch in range(epochs):
                seconds[row, epoch] = time_once(trainer.train_epoch)
                found = [clustering_accuracy(classes, one) for one in labels()]
                accuracies[row, epoch] = np.mean(found)
    seconds = seconds.cumsum(axis=1)
    finals = accuracies[:, -1].tolist()
    target = share * min(finals)
    whole = seconds[:, -1:].tolist()
    # Accuracy need not rise from epoch to epoch: the first that is high enough counts.
    until = seconds[[0, 1], (accuracies >= target).argmax(axis=1), None].tolist()
    name = f"of {size.n_images:,} simulated images, {_shape(size)}, {epochs} epochs, bfloat16"
    facts = dict(zip(("final_acc", "reference_final_acc"), finals, strict=True))
    full = Measurement(f"training {name}", STRAIGHTFORWARD, *whole, facts)
    same = f"training to the same ACC {name}"
    return [full, Measurement(same, STRAIGHTFORWARD, *until, {"acc": target})]


def _shape(size: Size) -> str:
    return f"H={size.n_heads} C={size.n_clusters} D={size.n_features}"
