"""What is trained on, and with which settings."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.speed.measurement import Size
from benchmarks.speed.neighbors import K, build_graph, simulate
from ucls.config import Config
from ucls.neighbors.made_up import made_up_graph
from ucls.settings.config import TrainConfig
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.training.trainer import HeadTrainer
from ucls.types import NeighborGraph

BATCH_SIZE, HIDDEN_DIM, BOTTLENECK_DIM = 1024, 512, 256
"""Of the thesis."""

Inputs = dict[str, Any]
"""What a trainer, of ours or of another kind, takes beside its settings and its device."""


def device() -> torch.device:
    """The GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def random_inputs(size: Size) -> Inputs:
    """Features at random, float32, with ten random neighbours each."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((size.n_images, size.n_features), dtype=np.float32)
    return inputs(features, random_graph(size.n_images), size)


def simulated_inputs(size: Size) -> tuple[Inputs, npt.NDArray[np.int32]]:
    """Simulated features with their graph, and the classes [N]."""
    made = simulate(size)
    features = made.chunk(slice(0, size.n_images))
    graph = build_graph(features, size.cap, k=min(K, size.cap), device=str(device()))
    return inputs(features, graph, size), made.labels


def inputs(features: npt.NDArray[np.floating], graph: NeighborGraph, size: Size) -> Inputs:
    """Features [N, D] with their graph, to be trained on."""
    return {"features": features, "graph": graph, "n_clusters": size.n_clusters, "seed": 0}


def random_graph(n_images: int, k: int = 10) -> NeighborGraph:
    """Random neighbours for each image."""
    rng = np.random.default_rng(0)
    return made_up_graph(rng.integers(0, n_images, (n_images, k), dtype=np.int32))


def fitted_config(size: Size, *, precision: str, **settings: object) -> TrainConfig:
    """The settings of a training that a run of this size with some of ``train`` set would have."""
    facts = DataFacts(
        n_images=size.n_images, n_features=size.n_features, n_clusters=size.n_clusters,
        backbone="features", device=device().type, fast_precision=precision,
    )  # fmt: skip
    asked = {"n_heads": size.n_heads, "precision": precision, **settings}
    config = Config().with_values({f"train.{name}": value for name, value in asked.items()})
    return autoconfigure(config, facts).train


def ucls_config(size: Size, *, precision: str, **settings: object) -> TrainConfig:
    """The settings of ``ucls`` for data of this size, with heads of C clusters."""
    thesis = {
        "epochs": 100, "hidden_dim": HIDDEN_DIM, "bottleneck_dim": BOTTLENECK_DIM,
        "batch_size": BATCH_SIZE, "scales": (1,), "n_smoothing": 1, "components": "all",
    }  # fmt: skip
    return fitted_config(size, precision=precision, **{**thesis, **settings})


def step_taker(trainer: HeadTrainer) -> Callable[[], None]:
    """One step after the other, on the batches of an epoch in turn."""
    generator = torch.Generator(trainer.data.device).manual_seed(0)
    order = trainer.objective.start_epoch(trainer.describe_epoch(generator))
    trainer.train_mode(True)
    n_batches = order.shape[-1] // trainer.batch_size
    step = 0

    def take_step() -> None:
        nonlocal step
        start = step % n_batches * trainer.batch_size
        trainer.step(order[..., start : start + trainer.batch_size], step, generator)
        step += 1

    return take_step
