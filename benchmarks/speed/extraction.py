"""Extraction from JPEG files to a feature cache, against the bare model on batches in memory.

Both take the same images in the same batches through the same model, in turns, and keep freed
memory alike. Extraction also starts the workers, decodes, resizes, normalises, keeps the tokens of
four blocks and writes them. The fewer the images, the more the start of the workers weighs.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.speed.measurement import Measurement, time_in_turns
from ucls.backbones import Backbone
from ucls.config import Config, ExtractConfig
from ucls.decoding import Views, decode_batches
from ucls.extract_settings import resolve_extractions
from ucls.memory import freed_memory_kept
from ucls.progress import Advance
from ucls.sources import Source, load_source
from ucls.stages.extract import backbone_of, extract

WIDTH, HEIGHT = 500, 375
"""Of a usual ImageNet picture."""


class Stopwatch:
    """A reporter that times the last progress bar and keeps the bottlenecks it told of."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.bottlenecks: list[str] = []

    def say(self, message: str, /) -> None:
        """Drops the line."""

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        """Times the block."""

        def advance(amount: int = 1, /, **figures: float | str) -> None:
            self.bottlenecks.append(str(figures["bottleneck"]))

        started = time.perf_counter()
        yield advance
        self.seconds = time.perf_counter() - started


def extraction_ratios(
    *,
    n_images: int,
    backbone: str = "dinov2_vits14",
    batch_size: int = 32,
    precision: str = "float32",
    workers: int | None = None,
    repeats: int = 3,
) -> list[Measurement]:
    """Times an extraction against the forward passes over the same batches in memory.

    Loading the model counts for neither. ``bottleneck`` is the phase of the extraction that the
    others waited for most often.

    Args:
        n_images: JPEGs of 500x375 pixels that are made.
        backbone: its name; the weights are random.
        batch_size: images per forward pass.
        precision: of the forward pass, ``float32``, ``bfloat16`` or ``float16``.
        workers: processes that decode; None for one per core.
        repeats: turns that are timed.
    """
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    wanted = {
        "extract.backbone": backbone,
        "extract.weights": "random",
        "extract.precision": precision,
        "extract.batch_size": batch_size,
        "extract.workers": workers,
    }
    bare, ours, stopwatch = [], [], Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        write_jpegs(Path(folder), n_images)
        source = load_source(folder)
        (config,) = resolve_extractions(Config().with_values(wanted), source).values()
        model = backbone_of(config, device)
        batches = load_batches(source, model, batch_size)
        time_bare_model(model, batches[:1])
        for _ in range(repeats):
            bare.append(time_bare_model(model, batches))
            ours.append(time_extraction(source, config, device, stopwatch))
    name = f"extraction of {n_images:,} JPEGs, {backbone}, {precision}, batch {batch_size}"
    facts = {
        "images_per_s": n_images / float(np.median(ours)),
        "bottleneck": statistics.mode(stopwatch.bottlenecks),
    }
    return [Measurement(name, "bare forward pass", ours, bare, facts)]


def write_jpegs(folder: Path, n_images: int) -> None:
    """Pictures with coarse and fine structure and some noise, of about 65 kilobytes each."""
    rng = np.random.default_rng(0)
    for row in range(n_images):
        picture = rng.normal(0, 6, (HEIGHT, WIDTH, 3))
        for cells, weight in ((16, 0.7), (125, 0.25)):
            shades = rng.integers(0, 256, (cells * 3 // 4, cells, 3), dtype=np.uint8)
            smooth = Image.fromarray(shades).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            picture += weight * np.asarray(smooth, dtype=np.float64)
        image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
        image.save(folder / f"{row:05d}.jpg", quality=90)


def load_batches(source: Source, backbone: Backbone, batch_size: int) -> list[torch.Tensor]:
    """All batches on the device, float32 and normalised."""
    mean, std = (
        torch.tensor(values, device=backbone.device).view(3, 1, 1)
        for values in (backbone.spec.mean, backbone.spec.std)
    )
    batches = decode_batches(
        source.splits["train"], Views(backbone.preprocess), start=0, batch_size=batch_size
    )
    pixels = (batch.pixels for batch in batches)
    return [(one[0].to(backbone.device) / 255 - mean) / std for one in pixels if one is not None]


def time_bare_model(backbone: Backbone, batches: list[torch.Tensor]) -> float:
    """Seconds for the forward passes alone."""
    model, kind = backbone.model, torch.device(backbone.device).type  # type: ignore[attr-defined]
    is_half = backbone.spec.precision != "float32"
    dtype = getattr(torch, backbone.spec.precision) if is_half else None

    def pass_all() -> None:
        for batch in batches:
            model.forward_features(batch)

    with (
        freed_memory_kept(),
        torch.inference_mode(),
        torch.autocast(kind, dtype, enabled=is_half),
    ):
        return time_in_turns({"bare": pass_all}, repeats=1, warm_up=0)["bare"][0]


def time_extraction(
    source: Source, config: ExtractConfig, device: str, stopwatch: Stopwatch
) -> float:
    """Seconds for an extraction into a new cache, without loading the model."""
    with tempfile.TemporaryDirectory() as cache_dir:
        name = config.backbone or ""
        extract(source, {name: config}, cache_dir=cache_dir, device=device, reporter=stopwatch)
    return stopwatch.seconds
