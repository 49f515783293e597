"""Extraction from JPEG files to a feature cache, against the bare model on batches in memory.

Both take the same images in the same batches through the same model, in turns, and keep freed
memory alike. Extraction also starts the workers, decodes, resizes, normalises, keeps the tokens of
four blocks and writes them.

Run: python -m benchmarks.extraction
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from benchmarks.machine import describe_machine
from ucls.backbones.protocol import Backbone
from ucls.extraction.decoding import Views, decode_batches
from ucls.malloc import freed_memory_kept
from ucls.progress import Advance
from ucls.runs.backbone import backbone_of
from ucls.settings.config import Config, ExtractConfig
from ucls.settings.extraction import resolve_extractions
from ucls.sources import Source, load_source
from ucls.stages.extract import extract

WIDTH, HEIGHT = 500, 375
"""Of a usual ImageNet picture."""


class Turn(NamedTuple):
    """Seconds for the same images."""

    bare: float
    """Of the forward passes alone."""
    extraction: float
    bottleneck: str
    """The phase of the extraction that the others waited for."""


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
    return [(p[0].to(backbone.device) / 255 - mean) / std for p in pixels if p is not None]


def time_bare_model(backbone: Backbone, batches: list[torch.Tensor]) -> float:
    """Seconds for the forward passes alone."""
    model, kind = backbone.model, torch.device(backbone.device).type  # type: ignore[attr-defined]
    precision = backbone.spec.precision
    is_half = precision != "float32"
    dtype = getattr(torch, precision) if is_half else None
    started = time.perf_counter()
    with (
        freed_memory_kept(),
        torch.inference_mode(),
        torch.autocast(kind, dtype, enabled=is_half),
    ):
        for batch in batches:
            model.forward_features(batch)
    if kind == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def time_extraction(source: Source, config: ExtractConfig, device: str) -> tuple[float, str]:
    """Seconds for an extraction into a new cache, without loading the model; the bottleneck."""
    stopwatch = Stopwatch()
    with tempfile.TemporaryDirectory() as cache_dir:
        name = config.backbone or ""
        extract(source, {name: config}, cache_dir=cache_dir, device=device, reporter=stopwatch)
    return stopwatch.seconds, statistics.mode(stopwatch.bottlenecks)


def take_turns(
    *,
    n_images: int,
    backbone: str,
    batch_size: int,
    precision: str,
    workers: int | None,
    repeats: int,
) -> Iterator[Turn]:
    """Times the bare model and the extraction of the same made-up images in turns.

    Args:
        n_images: JPEGs that are made.
        backbone: its name; the weights are random.
        batch_size: images per forward pass.
        precision: of the forward pass, ``float32``, ``bfloat16`` or ``float16``.
        workers: processes that decode; None for one per core.
        repeats: turns.
    """
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        write_jpegs(Path(folder), n_images)
        source = load_source(folder)
        wanted = {
            "extract.backbone": backbone,
            "extract.weights": "random",
            "extract.precision": precision,
            "extract.batch_size": batch_size,
            "extract.workers": workers,
        }
        (config,) = resolve_extractions(Config().with_values(wanted), source).values()
        model = backbone_of(config, device)
        batches = load_batches(source, model, batch_size)
        time_bare_model(model, batches[:1])
        for _ in range(repeats):
            bare = time_bare_model(model, batches)
            yield Turn(bare, *time_extraction(source, config, device))


def main() -> None:
    """Prints both rates and their ratio, for each repeat, and the median ratio."""
    on_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="dinov2_vitl14" if on_gpu else "dinov2_vits14")
    parser.add_argument("--images", type=int, default=20_000 if on_gpu else 512)
    parser.add_argument("--batch-size", type=int, default=256 if on_gpu else 32)
    parser.add_argument("--precision", default="float16" if on_gpu else "float32")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print(describe_machine())
    print(f"{args.backbone}, {args.images} JPEGs, batch {args.batch_size}, {args.precision}")
    ratios = []
    for bare, ours, bottleneck in take_turns(
        n_images=args.images,
        backbone=args.backbone,
        batch_size=args.batch_size,
        precision=args.precision,
        workers=args.workers,
        repeats=args.repeats,
    ):
        ratios.append(bare / ours)
        print(
            f"bare model {args.images / bare:8.1f} images/s  extraction "
            f"{args.images / ours:8.1f} images/s  ratio {bare / ours:.3f}  "
            f"bottleneck {bottleneck}"
        )
    print(f"median ratio {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
