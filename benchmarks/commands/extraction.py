"""``python -m benchmarks extraction``."""

from typing import Annotated

import typer

from benchmarks.machine import describe_machine
from benchmarks.options import Repeats

Backbone = Annotated[str | None, typer.Option(help="Default: dinov2_vits14, GPU vitl14.")]
Precision = Annotated[str | None, typer.Option(help="Default: float32, GPU float16.")]


def command(
    *,
    backbone: Backbone = None,
    images: Annotated[int | None, typer.Option(min=1, help="Default: 512, GPU 20,000.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Default: 32, GPU 256.")] = None,
    precision: Precision = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Default: one per core.")] = None,
    repeats: Repeats = 3,
) -> None:
    """Measure extraction from JPEGs to a cache against the bare forward passes."""
    import torch

    from benchmarks.speed.extraction import extraction_ratios
    from benchmarks.speed.measurement import show_measurements

    on_gpu = torch.cuda.is_available()
    print(describe_machine())
    ratios = extraction_ratios(
        n_images=images or (20_000 if on_gpu else 512),
        backbone=backbone or ("dinov2_vitl14" if on_gpu else "dinov2_vits14"),
        batch_size=batch_size or (256 if on_gpu else 32),
        precision=precision or ("float16" if on_gpu else "float32"),
        workers=workers, repeats=repeats,
    )  # fmt: skip
    show_measurements(ratios)
