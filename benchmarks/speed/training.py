"""Training against its bare matrix products, and against training as it is usually written."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.simulated.features import SimulatedFeatures
from benchmarks.speed.measurement import Measurement, Work, against_each, time_in_turns
from benchmarks.speed.straightforward import StraightforwardTrainer
from benchmarks.step_products import Size, step_products
from benchmarks.training_step import random_graph
from ucls.malloc import freed_memory_kept
from ucls.metrics.scores import clustering_accuracy
from ucls.neighbors.build import build_neighbors
from ucls.settings.config import Config, TrainConfig
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.training.trainer import HeadTrainer
from ucls.types import NeighborGraph

N_BATCHES = 2
K, THRESHOLD = 50, 0.3
STRAIGHTFORWARD = "straightforward trainer, float32, two-way"
PEERS = {
    STRAIGHTFORWARD: ("float32", True),
    "straightforward trainer, float32, one-way": ("float32", False),
    "straightforward trainer, bfloat16, two-way": ("bfloat16", True),
}
"""Precision, and whether its loss goes both ways, as in TEMI's code."""

Features = npt.NDArray[np.float32]


class Training(NamedTuple):
    """What is trained on."""

    features: Features
    """[N, D]."""
    graph: NeighborGraph
    labels: npt.NDArray[np.int32]
    """The simulated classes, [N]."""
    n_clusters: int


def device() -> torch.device:
    """The GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def ucls_config(size: Size, *, precision: str, epochs: int, n_images: int) -> TrainConfig:
    """The settings of ``ucls`` for data of this size, with heads of C clusters."""
    asked = {
        "train.n_heads": size.n_heads,
        "train.hidden_dim": size.hidden_dim,
        "train.bottleneck_dim": size.bottleneck_dim,
        "train.batch_size": size.batch_size,
        "train.scales": (1,),
        "train.n_smoothing": 1,
        "train.epochs": epochs,
        "train.precision": precision,
    }
    facts = DataFacts(
        n_images=n_images,
        n_features=size.n_features,
        n_clusters=size.n_clusters,
        backbone="features",
        device=device().type,
        fast_precision=precision,
    )
    return autoconfigure(Config().with_values(asked), facts).train


def step_ratios(
    sizes: Iterable[Size], precisions: Iterable[str], *, repeats: int, peer: bool = True
) -> Iterator[Measurement]:
    """One step of each size against its products, and that of the straightforward trainer."""
    for size in sizes:
        for precision in precisions:
            with freed_memory_kept():
                yield from _step_ratios(size, precision, repeats=repeats, peer=peer)


def _step_ratios(size: Size, precision: str, *, repeats: int, peer: bool) -> Iterator[Measurement]:
    rng = np.random.default_rng(0)
    n_images = N_BATCHES * size.batch_size
    features = rng.standard_normal((n_images, size.n_features), dtype=np.float32)
    graph = random_graph(n_images)
    config = ucls_config(size, precision=precision, epochs=100, n_images=n_images)
    trainer = HeadTrainer(
        features, graph, config, n_clusters=size.n_clusters, seed=0, device=device()
    )
    references = {"bare matmuls": bare_products(size, precision)}
    if peer:
        plain = config.model_copy(update={"precision": "float32"})
        references[STRAIGHTFORWARD] = _plain_step(features, graph, plain, size)
    name = f"training step, H={size.n_heads} C={size.n_clusters} D={size.n_features} {precision}"
    yield from against_each(name, _step(trainer), references, repeats=repeats)


def bare_products(size: Size, precision: str) -> Work:
    """All products of a step of ``ucls``."""
    products = step_products(
        "ucls",
        size,
        scales=(1,),
        n_partners=1,
        n_student_views=1,
        inner_steps=0,
        dtype=getattr(torch, precision),
        device=device().type,
    )

    def multiply() -> None:
        for product in products:
            product()

    return multiply


def _step(trainer: HeadTrainer) -> Work:
    generator = torch.Generator(trainer.device).manual_seed(0)
    order = trainer.objective.start_epoch(trainer.describe_epoch(generator))
    trainer.train_mode(True)
    return lambda: trainer.step(order[: trainer.batch_size], 0, generator)


def _plain_step(features: Features, graph: NeighborGraph, config: TrainConfig, size: Size) -> Work:
    trainer = StraightforwardTrainer(
        features, graph, config, n_clusters=size.n_clusters, seed=0, device=device()
    )
    images, neighbors = next(trainer.batches())
    return lambda: trainer.step(images, neighbors)


def simulated_training(n_images: int, n_features: int, n_clusters: int) -> Training:
    """Simulated features, with their graph."""
    made = SimulatedFeatures(n_images, n_clusters, n_features)
    features = made.chunk(slice(0, n_images))
    cap = n_images // n_clusters
    graph = build_neighbors(
        features, k=min(K, cap), threshold=THRESHOLD, cap=cap, device=str(device())
    )
    return Training(features, graph, made.labels, n_clusters)


def epoch_ratios(
    data: Training, size: Size, *, precision: str, repeats: int, peers: Iterable[str] = PEERS
) -> list[Measurement]:
    """An epoch of ours against an epoch of the straightforward trainer."""
    works: dict[str, Work] = {"ours": _trainer(data, size, precision=precision).train_epoch}
    for peer in peers:
        works[peer] = _plain_trainer(data, size, peer).train_epoch
    with freed_memory_kept():
        seconds = time_in_turns(works, repeats=repeats, warm_up=0)
    n_images, n_features = data.features.shape
    name = (
        f"epoch of {n_images:,} simulated images, H={size.n_heads} C={size.n_clusters} "
        f"D={n_features} {precision}"
    )
    return [
        Measurement(name, peer, ours, theirs)
        for ours in [seconds.pop("ours")]
        for peer, theirs in seconds.items()
    ]


def accuracy_ratio(
    data: Training, size: Size, *, precision: str, epochs: int, reached: float = 0.99
) -> list[Measurement]:
    """The same training to its end by both: time for all of it, and time to the same ACC.

    ACC is the mean over the heads, on the training images, looked at after each epoch. The same
    ACC is ``reached`` of the lower one of both final ones.
    """
    ours = _trainer(data, size, precision=precision, epochs=epochs)
    plain = _plain_trainer(data, size, STRAIGHTFORWARD, epochs=epochs)
    with freed_memory_kept():
        curves = [
            _curve(data, epochs, ours.train_epoch, lambda: ours.predict(data.features).labels),
            _curve(data, epochs, plain.train_epoch, plain.labels),
        ]
    final = {"final_acc": curves[0][-1].accuracy, "reference_final_acc": curves[1][-1].accuracy}
    target = reached * min(final.values())
    n_images, n_features = data.features.shape
    name = (
        f"{{}} of {n_images:,} simulated images, H={size.n_heads} C={size.n_clusters} "
        f"D={n_features}, {epochs} epochs, {precision}"
    )
    total = [[curve[-1].seconds] for curve in curves]
    to_target = [[_seconds_to(curve, target)] for curve in curves]
    return [
        Measurement(name.format("training"), STRAIGHTFORWARD, *total, final),
        Measurement(
            name.format("training to the same ACC"), STRAIGHTFORWARD, *to_target, {"acc": target}
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


def _trainer(data: Training, size: Size, *, precision: str, epochs: int = 100) -> HeadTrainer:
    config = ucls_config(size, precision=precision, epochs=epochs, n_images=len(data.features))
    return HeadTrainer(
        data.features, data.graph, config, n_clusters=data.n_clusters, seed=0, device=device()
    )


def _plain_trainer(
    data: Training, size: Size, peer: str, *, epochs: int = 100
) -> StraightforwardTrainer:
    precision, two_way = PEERS[peer]
    config = ucls_config(size, precision=precision, epochs=epochs, n_images=len(data.features))
    return StraightforwardTrainer(
        data.features,
        data.graph,
        config,
        n_clusters=data.n_clusters,
        seed=0,
        device=device(),
        two_way=two_way,
    )
