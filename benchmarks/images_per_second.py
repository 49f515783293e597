"""What the training of a network costs beside its forward and backward passes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ucls.backbones.encoder import Architecture, Encoder
from ucls.pretraining.checkpoint import Checkpoint, Place
from ucls.pretraining.draws import Draws
from ucls.pretraining.loop import Training, autocast
from ucls.pretraining.measuring import Measurer
from ucls.pretraining.methods.self_classifier import build
from ucls.pretraining.pixels import InMemory
from ucls.pretraining.protocol import Batch, Task
from ucls.pretraining.views import RECOLOURINGS, MultiCrop
from ucls.progress import SILENT
from ucls.settings.pretraining import (
    PretrainConfig,
    fit_pretrain_config,
    local_size,
)
from ucls.settings.pretraining_methods import SelfClassifierOptions

N_CLUSTERS = 10


class Rate(NamedTuple):
    """Images per second of an architecture."""

    bare: float
    """Of forward and backward passes alone, on views in memory."""
    training: float
    """Of whole steps: crops and colours, passes, optimiser."""

    @property
    def share(self) -> float:
        """Of the bare rate, that the training reaches."""
        return self.training / self.bare


def measure_rate(
    architecture: Architecture, *, batch_size: int, n_steps: int, device: torch.device, folder: Path
) -> Rate:
    """Times bare passes and whole steps in turn, so that both see the same machine.

    Args:
        architecture: of the network, learned by Self-Classifier.
        batch_size: images of a step.
        n_steps: of which the median counts.
        device: where to compute.
        folder: that checkpoints would go to.
    """
    training = _training(architecture, batch_size, n_steps, device, folder)
    steps = training._steps(Place())
    bare, whole = [], []
    for seconds in (_seconds_of_passes(training), _seconds(steps)):
        next(seconds)  # warms up
    passes, wholes = _seconds_of_passes(training), _seconds(steps)
    for _ in range(n_steps):
        bare.append(next(passes))
        whole.append(next(wholes))
    return Rate(batch_size / float(np.median(bare)), batch_size / float(np.median(whole)))


def _training(
    architecture: Architecture, batch_size: int, n_steps: int, device: torch.device, folder: Path
) -> Training:
    size = architecture.image_size
    config = fit_pretrain_config(
        PretrainConfig(n_clusters=N_CLUSTERS, batch_size=batch_size, image_size=size),
        n_images=batch_size,
        n_classes=None,
        typical_side=size,
    )
    rng = np.random.default_rng(0)
    shape = (batch_size * (n_steps + 2), architecture.channels, size, size)
    images = torch.from_numpy(rng.integers(0, 256, shape, np.uint8))
    sizes = torch.full((len(images), 2), size, dtype=torch.int32)
    pixels = InMemory(images, sizes, np.arange(len(images)))
    crops = MultiCrop(
        size=size,
        local_size=local_size(size),
        n_global=2,
        n_local=config.n_local or 0,
        global_scale=config.global_scale or (0.4, 1.0),
        local_scale=config.local_scale,
        flips=True,
        recolours=RECOLOURINGS["byol"],
        mean=(0.5,) * architecture.channels,
        std=(0.25,) * architecture.channels,
    )
    torch.manual_seed(0)
    task = Task(len(images), 1, N_CLUSTERS)
    method = build(Encoder(architecture), SelfClassifierOptions(), task).to(device)
    return Training(
        method.to(memory_format=torch.channels_last).train(),
        pixels,
        config,
        crops=crops,
        measurer=Measurer(pixels, crops, labels=None, device=device),
        checkpoint=Checkpoint(folder / "checkpoint.safetensors", ""),
        device=device,
        reporter=SILENT,
    )


def _seconds_of_passes(training: Training) -> Iterator[float]:
    rows = np.arange(training.batch_size)
    (part,) = training.pixels.batches([rows])
    views = training.crops(part.pixels.to(training.device), part.aspects, Draws(0, len(rows)))
    batch = Batch(views, torch.from_numpy(rows).to(training.device))
    while True:
        _wait(training.device)
        started = time.perf_counter()
        training.method.zero_grad(set_to_none=True)
        with autocast(training.device, training.config.precision):
            loss = training.method.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        _wait(training.device)
        yield time.perf_counter() - started


def _seconds(steps: Iterator[tuple[int, float]]) -> Iterator[float]:
    while True:
        started = time.perf_counter()
        next(steps)
        yield time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
