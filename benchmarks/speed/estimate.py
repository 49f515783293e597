"""ImageNet-1k and 100 million images on paper: seconds and bytes of each stage, as a page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.pages import render_page
from benchmarks.speed.growth.record import SMALLEST_MB, GrowthRecord, StageGrowth, fit_slope
from benchmarks.speed.growth.works import ITERATIONS as FEW_ITERATIONS
from benchmarks.speed.measurement import Size
from benchmarks.speed.self_training import token_columns
from benchmarks.speed.training import BATCH_SIZE, BOTTLENECK_DIM, HIDDEN_DIM
from ucls.metrics.baselines import SAMPLE_PER_CLUSTER
from ucls.planning.sizes import (
    HALF,
    SINGLE,
    graph_bytes,
    head_weights,
    labels_bytes,
    logits_bytes,
    trained_labels_bytes,
)
from ucls.settings.config import SelfTrainConfig
from ucls.settings.presets import DINOV2_RATES

TEMPLATE = Path(__file__).with_name("estimate.md.jinja")
IMAGENET = Size(n_images=1_281_167, n_clusters=1000, n_heads=50, n_features=2048)
CASES = {"ImageNet-1k": IMAGENET, "100 million images": replace(IMAGENET, n_images=100_000_000)}
STAGES = ("neighbors", "train", "ensemble", "self-train", "evaluate")
EPOCHS, ITERATIONS, K = 100, 12_500, 50

FLAG = 1
"""Bytes of a truth value."""
LOGIT_PASSES, ACTIVATION_PASSES, WEIGHT_PASSES = 82, 10, 23
"""Times that a training step, one neighbour, reads or writes these in float32, outside of the
products of its layers; counted on real steps, operation by operation."""
PASSES = 10
"""The same of logits and of weights in an iteration of self-training."""
ADDING = {"train": "CD", "ensemble": "NC"}
"""Axes whose costs add up rather than multiply: layers; images, and pairs of clusters."""
LABELS = "memory: train, labels at its end, int64 and float32, in parts and whole"
TIMES = ((365.25 * 86_400, "years"), (86_400, "days"), (3600, "h"), (60, "min"), (1, "s"))
ROOMS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))


class Device(NamedTuple):
    """An H100 SXM as NVIDIA states it, without sparsity and TF32; the shares are assumptions."""

    half_tflops: float = 989.0
    half_share: float = 0.4
    single_tflops: float = 67.0
    single_share: float = 0.6
    bandwidth_tb: float = 3.35
    bandwidth_share: float = 0.7
    memory_gb: float = 80.0


class Load(NamedTuple):
    """Operations of products in bfloat16 and in float32, and bytes that are moved between these."""

    half: float
    single: float
    moved: float

    def seconds(self, device: Device) -> tuple[float, float]:
        """Of the products alone, and with what passes between them, one after the other."""
        products = self.half / (device.half_tflops * device.half_share)
        products += self.single / (device.single_tflops * device.single_share)
        moving = self.moved / (device.bandwidth_tb * device.bandwidth_share)
        return products / 1e12, (products + moving) / 1e12


def estimate_page(record: GrowthRecord, device: Device, *, source: str) -> str:
    """The whole page, from the growth of all stages; ``source`` is where that lies."""
    cases = [
        (name, size, time_rows(size, record, device), room(size, record))
        for name, size in CASES.items()
    ]
    return render_page(
        TEMPLATE, cases=cases, record=record, device=device, source=source, graph_bytes=graph_bytes,
        time=partial(in_unit, units=TIMES, least=2), room=partial(in_unit, units=ROOMS),
        labels=LABELS, k=K, batch_size=BATCH_SIZE, epochs=EPOCHS, iterations=ITERATIONS,
    )  # fmt: skip


def time_rows(size: Size, record: GrowthRecord, device: Device) -> list[dict[str, Any]]:
    """Every stage: seconds here, and with a device, where those without a load run as here."""
    rows = []
    for stage in STAGES:
        here, factor = seconds_here(record.of(stage), size)
        load = LOADS[stage](size) if stage in LOADS else None
        products, there = load.seconds(device) if load else (here, here)
        row = {"stage": stage, "here": here, "factor": factor, "load": load}
        rows.append({**row, "products": products, "device": there})
    return rows


def search_load(size: Size) -> Load:
    """All pairs multiplied; similarities are then read, and flags written and read twice."""
    n_pairs = size.n_images**2
    return Load(0.0, 2.0 * n_pairs * size.n_features, (SINGLE + 3 * FLAG) * n_pairs)


def training_load(size: Size) -> Load:
    """All steps: the teacher sees an image and a neighbour, the student the image."""
    steps = EPOCHS * (size.n_images // BATCH_SIZE)
    rows = BATCH_SIZE * size.n_heads
    first, last = size.n_features * HIDDEN_DIM, BOTTLENECK_DIM * size.n_clusters
    hidden = HIDDEN_DIM * (HIDDEN_DIM + BOTTLENECK_DIM)
    passes = LOGIT_PASSES * rows * size.n_clusters + WEIGHT_PASSES * n_weights(size)
    passes += ACTIVATION_PASSES * rows * (2 * HIDDEN_DIM + BOTTLENECK_DIM)
    # Twice ahead by the teacher, once by the student, back to the weights and to the inputs, of
    # which features need no gradient.
    half, single = 2.0 * rows * (4 * first + 5 * hidden), 2.0 * rows * 5 * last
    return Load(steps * half, steps * single, steps * SINGLE * passes)


def self_training_load(size: Size) -> Load:
    """Iterations of all linear classifiers, each ahead and back; those held out go ahead once."""
    config = SelfTrainConfig(learning_rates=DINOV2_RATES)
    n_held_out = config.holdout * size.n_images / BATCH_SIZE
    n_outputs = len(config.learning_rates) * size.n_clusters
    widths = [span.stop - span.start for span in token_columns(size.n_features).values()]
    logits, weights = BATCH_SIZE * n_outputs * len(widths), sum(widths) * n_outputs
    moved = (ITERATIONS + n_held_out) * logits + ITERATIONS * weights
    ahead = 2.0 * BATCH_SIZE * weights
    return Load(0.0, (2 * ITERATIONS + n_held_out) * ahead, PASSES * SINGLE * moved)


LOADS = {"neighbors": search_load, "train": training_load, "self-train": self_training_load}
"""Of the stages that take a GPU where there is one."""


def seconds_here(growth: StageGrowth, size: Size) -> tuple[float, float]:
    """A stage on the machine that its growth was measured on, and the factor of doubt."""
    if growth.stage != "self-train":
        # K-means is fitted to a sample.
        most = SAMPLE_PER_CLUSTER * size.n_clusters if growth.stage == "evaluate" else size.n_images
        once, factor = extrapolate(growth, replace(size, n_images=min(size.n_images, most)))
        return once * (EPOCHS if growth.stage == "train" else 1), factor
    # What grows with the iterations and what grows with the images apart, both with C and D.
    per_image, iterating = np.polyfit(*growth.seconds("N"), 1)
    whole = max(iterating, 0.0) * ITERATIONS / FEW_ITERATIONS
    whole += max(per_image, 0.0) * size.n_images
    here, factor = extrapolate(growth, replace(size, n_images=growth.base.n_images))
    return float(whole) * here / extrapolate(growth, growth.base)[0], factor


def extrapolate(
    growth: StageGrowth, size: Size, figure: Callable[..., Any] = lambda one: np.median(one.seconds)
) -> tuple[float, float]:
    """A figure at a size, and the factor by which it may be off, of one standard error.

    Along each axis the measured figures are followed, and beyond them the slope of their last half.
    """
    base = next(figure(point) for point in growth.points if point.size == growth.base)
    product, added, doubt = 1.0, 1.0, 0.0
    for letter in growth.letters:
        sizes, _ = growth.seconds(letter)
        values = [figure(point) for point in growth.along(letter)]
        (_, error), (last, _) = (fit_slope(sizes, values, last_half=half) for half in (False, True))
        wanted = size.on_axis(letter)
        beyond = max(1.0, wanted / sizes[-1])
        along = float(np.exp(np.interp(np.log(wanted), np.log(sizes), np.log(values))))
        factor = along * beyond**last / base
        if letter in ADDING.get(growth.stage, ""):
            added += factor - 1.0
        else:
            product *= factor
        doubt += (error * math.log(beyond)) ** 2
    return base * product * added, math.exp(math.sqrt(doubt))


def room(size: Size, record: GrowthRecord) -> dict[str, float]:
    """Bytes on disk, and in memory without Python, libraries and what a step needs."""
    n_images, n_heads, cap = size.n_images, size.n_heads, max(K, size.cap)
    weights = SINGLE * n_weights(size)
    width = token_columns(size.n_features)["cls4+patch"].stop
    features, tokens = SINGLE * n_images * size.n_features, HALF * n_images * width
    logits = logits_bytes(n_heads, BATCH_SIZE, size.n_clusters)
    sampled = min(1.0, SAMPLE_PER_CLUSTER * size.n_clusters / n_images)
    peak, _ = extrapolate(record.of("ensemble"), size, lambda one: max(one.memory_mb, SMALLEST_MB))
    return {
        "disk: features, float16, four tokens and a mean": tokens,
        f"disk and memory: graph, {K} each": graph_bytes(n_images, K),
        f"disk and memory: graph, at the cap of {cap:,}": graph_bytes(n_images, cap),
        "disk: heads.safetensors, float32": weights,
        "disk: checkpoint.safetensors, student, teacher, two moments": 4 * weights,
        "disk: assignments.h5, int32 and float16, all heads": labels_bytes(n_images, n_heads),
        "disk: classifier.safetensors, float32, the widest": SINGLE * width * size.n_clusters,
        "memory: neighbors, features in float16": features / 2,
        "memory: train, features in float32, on a GPU there and here": features,
        "memory: train, heads, AdamW and teacher": 5 * weights,
        "memory: train, logits of a step, of the teacher twice and of the student": logits,
        LABELS: trained_labels_bytes(n_images, n_heads),
        "memory: self-train, tokens in float16": tokens,
        "memory: evaluate, features, and a sample with its copy": features * (1 + 2 * sampled),
        "memory: ensemble, at its peak, by slope": 1e6 * peak,
    }


def n_weights(size: Size) -> int:
    """Weights and biases of all heads."""
    layers = (size.n_features, HIDDEN_DIM, HIDDEN_DIM, BOTTLENECK_DIM)
    return size.n_heads * head_weights(layers, size.n_clusters)


def in_unit(value: float, units: Sequence[tuple[float, str]], least: float = 1) -> str:
    """With two digits, or all before the point, in the largest unit that it holds so many of."""
    unit, name = next((one for one in units if value >= least * one[0]), units[-1])
    share = value / unit
    return f"{share:,.0f} {name}" if share >= 10 else f"{share:.1f} {name}"
