"""Extraction from JPEG files to a feature cache, against the bare model on batches in memory.

Both take the same batches through the same model, in turns. Extraction also starts the workers,
which weighs the more the fewer the images, decodes, resizes, normalises, and writes four blocks.
"""

import statistics
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.speed.measurement import Measurement, time_once
from ucls.backbones.protocol import Backbone
from ucls.config import Config
from ucls.extraction.decoding import Views, decode_batches
from ucls.malloc import freed_memory_kept
from ucls.progress import Advance, SilentReporter
from ucls.runs.backbone import backbone_of
from ucls.settings.extraction import resolve_extractions
from ucls.sources import Source, load_source
from ucls.stages.extract import extract

WIDTH, HEIGHT = 500, 375  # Of a usual ImageNet picture.


class Stopwatch(SilentReporter):
    """A reporter that times progress bars and keeps the bottlenecks they told of."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.bottlenecks: list[str] = []

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        """Times the block."""
        started = time.perf_counter()
        yield lambda amount=1, /, **told: self.bottlenecks.append(str(told["bottleneck"]))
        self.seconds.append(time.perf_counter() - started)


def extraction_ratios(
    *, n_images: int, backbone: str = "dinov2_vits14", batch_size: int = 32,
    precision: str = "float32", workers: int | None = None, repeats: int,
) -> list[Measurement]:  # fmt: skip
    """Times extraction against forward passes; loading the model, at random, counts for neither.

    ``bottleneck`` is the phase of the extraction that the others waited for most often.
    """
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    wanted = {
        "extract.backbone": backbone, "extract.weights": "random", "extract.precision": precision,
        "extract.batch_size": batch_size, "extract.workers": workers,
    }  # fmt: skip
    bare, stopwatch = [], Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        write_jpegs(Path(folder), n_images)
        source = load_source(folder)
        (config,) = resolve_extractions(Config().with_values(wanted), source).values()
        model = backbone_of(config, device)
        batches = load_batches(source, model, batch_size)
        time_bare_model(model, batches[:1])
        for _ in range(repeats):
            bare.append(time_bare_model(model, batches))
            with tempfile.TemporaryDirectory() as made:
                configs = {backbone: config}
                extract(source, configs, cache_dir=made, device=device, reporter=stopwatch)
    name = f"extraction of {n_images:,} JPEGs, {backbone}, {precision}, batch {batch_size}"
    rate = n_images / float(np.median(stopwatch.seconds))
    facts = {"images_per_s": rate, "bottleneck": statistics.mode(stopwatch.bottlenecks)}
    return [Measurement(name, "bare forward pass", stopwatch.seconds, bare, facts)]


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
    both = torch.tensor((backbone.spec.mean, backbone.spec.std), device=backbone.device)
    mean, std = both.view(2, 3, 1, 1)
    images, views = source.splits["train"], Views(backbone.preprocess)
    decoded = decode_batches(images, views, start=0, batch_size=batch_size)
    pixels = (batch.pixels for batch in decoded)
    return [(one[0].to(backbone.device) / 255 - mean) / std for one in pixels if one is not None]


def time_bare_model(backbone: Backbone, batches: list[torch.Tensor]) -> float:
    """Seconds for the forward passes alone."""
    model, kind = backbone.model, torch.device(backbone.device).type  # type: ignore[attr-defined]
    is_half = backbone.spec.precision != "float32"
    dtype = getattr(torch, backbone.spec.precision) if is_half else None
    casting = torch.autocast(kind, dtype, enabled=is_half)
    with freed_memory_kept(), torch.inference_mode(), casting:
        return time_once(lambda: deque(map(model.forward_features, batches), maxlen=0))
