"""Extraction from JPEG files to a feature cache, against the bare forward pass."""

import numpy as np

from benchmarks.extraction import take_turns
from benchmarks.speed.measurement import Measurement


def extraction_ratios(
    *,
    n_images: int = 512,
    backbone: str = "dinov2_vits14",
    batch_size: int = 32,
    precision: str = "float32",
    workers: int | None = None,
    repeats: int = 3,
) -> list[Measurement]:
    """Times an extraction against the forward passes over the same batches in memory.

    The extraction also starts the workers, decodes, resizes, normalises, keeps the tokens of four
    blocks and writes them; loading the model counts for neither. The fewer the images, the more the
    start of the workers weighs. The share of the bare model's throughput that DESIGN.md asks for is
    1 over the ratio.

    Args:
        n_images: JPEGs of 500x375 pixels that are made.
        backbone: its name; the weights are random.
        batch_size: images per forward pass.
        precision: of the forward pass.
        workers: processes that decode; None for one per core.
        repeats: turns that are timed.
    """
    turns = list(
        take_turns(
            n_images=n_images,
            backbone=backbone,
            batch_size=batch_size,
            precision=precision,
            workers=workers,
            repeats=repeats,
        )
    )
    seconds = [turn.extraction for turn in turns]
    return [
        Measurement(
            f"extraction of {n_images:,} JPEGs, {backbone}, {precision}, batch {batch_size}",
            "bare forward pass",
            seconds,
            [turn.bare for turn in turns],
            {"images_per_s": n_images / float(np.median(seconds))},
        )
    ]
