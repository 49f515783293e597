"""Training on a GPU, checked against float64 and timed: one short script for any GPU at hand."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.records import Record, made_here, write_record
from benchmarks.speed import training
from benchmarks.speed.measurement import (
    Measurement,
    Size,
    against_each,
    time_once,
)
from benchmarks.speed.neighbors import build_graph, simulated_features
from benchmarks.speed.step_products import step_products
from benchmarks.speed.straightforward import StraightforwardTrainer
from benchmarks.speed.training_ratios import BARE, PEERS
from ucls.metrics.baselines import kmeans
from ucls.objectives.protocol import Batch
from ucls.objectives.sinkhorn import sinkhorn_knopp
from ucls.progress import PlainReporter
from ucls.report.table import Table
from ucls.settings.config import TrainConfig
from ucls.training.compiled import CompiledLosses
from ucls.training.trainer import HeadTrainer

IMAGENET_IMAGES, IMAGENET_EPOCHS = 1_281_167, 100
ALLOWED = {"float32": 1e-3, "bfloat16": 0.1}
"""Of the relative errors of losses and gradients."""
CHECKED = Size(512, 10, n_heads=3, n_features=64)

Tensors = list[torch.Tensor]


class Plan(NamedTuple):
    """How large everything is."""

    product: int
    """Rows and columns of the product that shows the peak."""
    step: Size
    """Of the heads whose step is timed."""
    epoch: Size
    imagenet: Size
    graph: Size
    """Of the features with neighbours and k-means."""
    widths: dict[str, Any]
    n_steps: int
    """In a turn, so that the host may run ahead of the device."""


FULL = Plan(
    product=8192,
    step=Size(8192, 100, 50, 2048),
    epoch=Size(25_600, 100, 50, 2048),
    imagenet=Size(8192, 1000, 50, 2048),
    graph=Size(50_000, 100, n_features=2048),
    widths={"batch_size": 1024, "hidden_dim": 512, "bottleneck_dim": 256},
    n_steps=20,
)
QUICK = Plan(
    product=256,
    step=Size(512, 10, 2, 64),
    epoch=Size(256, 10, 2, 64),
    imagenet=Size(512, 10, 2, 64),
    graph=Size(500, 10, n_features=64),
    widths={"batch_size": 64, "hidden_dim": 32, "bottleneck_dim": 16},
    n_steps=2,
)


@dataclass(frozen=True)
class Check:
    """The largest relative error of something against float64 on the CPU.

    An error of None: it could not be compiled.
    """

    name: str
    error: float | None
    allowed: float

    @property
    def is_met(self) -> bool:
        """Whether the error is small enough."""
        return self.error is not None and self.error <= self.allowed

    def cells(self) -> list[str]:
        """Its line in a table."""
        error = "not compiled" if self.error is None else f"{self.error:.1e}"
        verdict = "ok" if self.is_met else "FAILS"
        return [self.name, "float64 on the CPU", error, f"{self.allowed:.0e}", verdict, "", ""]


@dataclass(frozen=True, kw_only=True)
class GpuRecord(Record):
    """What one run of ``gpu`` found.

    Attributes:
        device: such as ``cuda``.
        backend: of ``torch.compile``.
        peak_tflops: of a bare bfloat16 product, 10^12 operations a second.
        checks: errors.
        measurements: times.
        seconds: of all that.
    """

    made_by = "gpu"

    device: str
    backend: str
    peak_tflops: float = 0.0
    checks: list[Check] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    seconds: float = 0.0


class Script:
    """Checks and times, one part after the other.

    Args:
        plan: how large everything is.
        device: where to compute.
        repeats: turns that are timed.
    """

    def __init__(self, plan: Plan, device: torch.device, *, repeats: int) -> None:
        self.plan, self.device, self.repeats = plan, device, repeats
        # On a CPU the graphs are the same, and are checked without compiling for a minute each.
        self.backend = "inductor" if device.type == "cuda" else "aot_eager"
        self.record = GpuRecord(**made_here(), device=str(device), backend=self.backend)

    def run(self, out: Path | None) -> GpuRecord:
        """Does all parts; what is done is written to ``out`` after each."""
        told, started = PlainReporter().say, time.perf_counter()
        parts: dict[str, Callable[[], Iterator[Check | Measurement]]] = {
            "checks of the centering": self.centering_checks,
            "checks of a step": self.step_checks,
            "step": lambda: self.step_times("step", self.plan.step),
            "step for ImageNet-1k": self.imagenet_times,
            "epoch": self.epoch_times,
            "neighbours and k-means": self.other_times,
        }
        self.record = replace(self.record, peak_tflops=self.peak() / 1e12)
        for name, part in parts.items():
            for found in part():
                kept = self.record.checks if isinstance(found, Check) else self.record.measurements
                kept.append(found)
            seconds = time.perf_counter() - started
            self.record = replace(self.record, seconds=seconds)
            told(f"gpu: {name}, {seconds:.0f} s so far")
            if out is not None:
                write_record(out, self.record)
        return self.record

    def peak(self) -> float:
        """Operations a second of a large bare product in bfloat16, the best of a few turns."""
        side = self.plan.product
        left, right = torch.randn(2, side, side, device=self.device).bfloat16()
        work = partial(repeat, [partial(torch.mm, left, right)], self.plan.n_steps)
        seconds = min(time_once(work) for _ in range(1 + self.repeats))
        return 2.0 * side**3 * self.plan.n_steps / seconds

    def centering_checks(self) -> Iterator[Check]:
        """Cosines as they are, and with some rows far from the others."""
        generator = torch.Generator().manual_seed(0)
        cosines = torch.rand(2, 3, 64, 10, generator=generator) * 2 - 1
        apart = cosines + 200.0 * torch.rand(2, 3, 64, 1, generator=generator).gt(0.8)
        center = partial(sinkhorn_knopp, temperature=0.04)
        graph = torch.compile(center, fullgraph=True, dynamic=False, backend=self.backend)
        for kind, logits in (("cosines", cosines), ("rows far apart", apart)):
            expected = center(logits.double())
            for how, work in (("eager", center), ("compiled", graph)):
                error = relative_error([work(logits.to(self.device))], [expected])
                yield Check(f"Sinkhorn centering of {kind}, {how}", error, 1e-4)

    def step_checks(self) -> Iterator[Check]:
        """Losses, gradients and moving average of ``ucls``."""
        for precision, allowed in ALLOWED.items():
            settings = {**QUICK.widths, "precision": precision}
            config = training.ucls_config(CHECKED, **settings)
            inputs = training.random_inputs(CHECKED)
            exact = HeadTrainer.on(**inputs, config=config, device=torch.device("cpu"))
            batch = first_batch(exact)
            exact.objective.double().dtype = torch.float64  # type: ignore[attr-defined]
            expected = losses_and_gradients(exact, batch._replace(views=batch.views.double()))
            for how in ("eager", "compiled"):
                trainer = HeadTrainer.on(**inputs, config=config, device=self.device)
                here = batch._replace(
                    rows=batch.rows.to(self.device), views=batch.views.to(self.device)
                )
                compiled = how == "eager" or self.compile(trainer, here)
                found = losses_and_gradients(trainer, here) if compiled else None
                for what, part in (("loss", slice(1)), ("gradients", slice(1, None))):
                    error = found and relative_error(found[part], expected[part])
                    yield Check(f"{what} in {precision}, {how}", error, allowed)
        yield Check("moving average after a step", average_error(trainer), 1e-6)

    def step_times(self, name: str, size: Size) -> Iterator[Measurement]:
        """Some steps on random features against their bare products, eager and compiled."""
        config = self.config(size)
        trainer = HeadTrainer.on(**training.random_inputs(size), config=config, device=self.device)
        partners = trainer.objective.n_partners
        products = step_products(config, size, n_partners=partners, device=self.device)
        n_steps, take_step = self.plan.n_steps, training.step_taker(trainer)
        with FlopCounterMode(display=False) as counter:
            repeat(products, 1)
        references = {BARE: partial(repeat, products, n_steps)}
        take_steps = partial(repeat, [take_step], n_steps)
        for how in ("eager", "compiled"):
            if how == "compiled" and not self.compile(trainer, first_batch(trainer)):
                return
            full = f"{n_steps} of a {name}, {size.text('HCD')}, {how}"
            (found,) = against_each(full, take_steps, references, repeats=self.repeats, warm_up=2)
            flops = counter.get_total_flops() * n_steps
            for key, seconds in (
                ("of the peak", found.seconds),
                ("products alone", found.reference_seconds),
            ):
                share = flops / median(seconds) / 1e12 / self.record.peak_tflops
                found.facts[key] = f"{share:.0%}"
            yield found

    def imagenet_times(self) -> Iterator[Measurement]:
        """Minutes of a whole training by measured steps."""
        n_steps = IMAGENET_EPOCHS * (IMAGENET_IMAGES // self.plan.widths["batch_size"])
        for found in self.step_times("step for ImageNet-1k", self.plan.imagenet):
            if self.plan is FULL:
                minutes = median(found.seconds) / self.plan.n_steps * n_steps / 60
                found.facts[f"{IMAGENET_EPOCHS} epochs by it"] = f"{minutes:.3g} min"
            yield found

    def epoch_times(self) -> Iterator[Measurement]:
        """An epoch on random features against the straightforward trainer."""
        size, config = self.plan.epoch, self.config(self.plan.epoch)
        inputs = training.random_inputs(size) | {"device": self.device}
        ours, works = HeadTrainer.on(**inputs, config=config), {}
        for peer, (precision, two_way) in PEERS.items():
            same = config.model_copy(update={"precision": precision})
            works[peer] = StraightforwardTrainer(**inputs, config=same, two_way=two_way).train_epoch
        compiled = self.compile(ours, first_batch(ours))
        how = "compiled" if compiled else "eager"
        name = f"epoch of {size.text()}, {how}"
        yield from against_each(name, ours.train_epoch, works, repeats=self.repeats)

    def other_times(self) -> Iterator[Measurement]:
        """Neighbours against the bare product, k-means against that of one assignment."""
        size = self.plan.graph
        features = simulated_features(size)
        vectors = torch.from_numpy(features).to(self.device).float()
        blocks = [partial(torch.mm, block, vectors.T) for block in vectors.split(8192)]
        name = f"neighbours of {size.text('ND')}"
        search = partial(build_graph, features, size.cap, device=str(self.device))
        yield from against_each(name, search, {BARE: partial(repeat, blocks, 1)}, repeats=1)
        centres = vectors[: size.n_clusters].T.contiguous()
        single = features.astype("float32")
        fit = partial(
            kmeans, {"train": single}, n_clusters=size.n_clusters, restarts=1, device=self.device
        )
        one = {"product of one assignment": partial(torch.mm, vectors, centres)}
        yield from against_each(f"k-means of {size.text('NCD')}", fit, one, repeats=1)

    def config(self, size: Size) -> TrainConfig:
        """The settings of a step in bfloat16."""
        return training.ucls_config(size, precision="bfloat16", **self.plan.widths)

    def compile(self, trainer: HeadTrainer, batch: Batch) -> bool:
        """Compiles the losses of a trainer; says so where that fails."""
        reporter = PlainReporter()
        trainer.losses = CompiledLosses(trainer.objective, reporter=reporter, backend=self.backend)
        trainer.losses.compile(batch)
        return trainer.losses.is_compiled


def repeat(works: list[Callable[[], object]], times: int) -> None:
    """Does all of some work so many times, and keeps nothing of it."""
    for _ in range(times):
        deque((work() for work in works), maxlen=0)


def first_batch(trainer: HeadTrainer) -> Batch:
    """A batch of the middle of a training."""
    generator = torch.Generator(trainer.data.device).manual_seed(0)
    order = trainer.objective.start_epoch(trainer.describe_epoch(generator))
    trainer.train_mode(True)
    half = trainer.n_epochs * trainer.steps_per_epoch // 2
    return trainer.draw(order[..., : trainer.batch_size], half, generator)


def losses_and_gradients(trainer: HeadTrainer, batch: Batch) -> Tensors:
    """The loss of each head, then the gradient of each parameter."""
    trainer.train_mode(True)
    trainer.optimizer.zero_grad()
    losses = trainer.losses(batch)
    losses.mean().backward()
    parameters = [*trainer.objective.weights(), *trainer.objective.biases()]
    return [losses.detach(), *(one.grad for one in parameters)]


def relative_error(found: Tensors, expected: Tensors) -> float:
    """The largest of the differences' norms over those of what is expected."""
    errors = [
        float((ours.cpu().double() - right).norm() / right.norm())
        for ours, right in zip(found, expected, strict=True)
    ]
    return max(errors)


def average_error(trainer: HeadTrainer) -> float:
    """Of the teacher after a step against what float64 makes of the weights before it."""
    objective: Any = trainer.objective
    before = [one.detach().cpu().double() for one in objective.teacher.parameters()]
    training.step_taker(trainer)()
    student = [one.detach().cpu().double() for one in objective.student.parameters()]
    momentum = objective.momentum
    expected = [
        momentum * old + (1.0 - momentum) * new for old, new in zip(before, student, strict=True)
    ]
    pairs = zip(objective.teacher.parameters(), expected, strict=True)
    # A bias that has not moved from 0 has no relative error.
    kept = [(one.detach(), right) for one, right in pairs if right.norm() > 0.0]
    return relative_error(*map(list, zip(*kept, strict=True)))


def show(record: GpuRecord) -> None:
    """Prints one table of all that was found."""
    peak = ["bare product in bfloat16", "", f"{record.peak_tflops:.3g} TFLOPS", *[""] * 4]
    rows = [one.cells() for one in (*record.checks, *record.measurements)]
    headings = (record.device, "against", "ours", "reference", "ratio", "quartiles", "further")
    Table(headings, [peak, *rows], n_left=2).show()
