"""``python -m benchmarks long-tail``: what unequal classes cost C2BIN."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.options import Count, DataDir, Download, Seeds

OfSource = Annotated[str, typer.Option("--source", help="Labelled images with val.")]


def command(
    *,
    source: OfSource = "fashion-mnist",
    seeds: Seeds = 5,
    epochs: Count = 5,
    images: Count = 2000,
    data_dir: DataDir = None,
    download: Download = False,
) -> None:
    """Show what accuracy C2BIN loses as classes grow unequal, beside itself without its parts.

    After section 4.4 of its paper: the small network learns from images whose classes are thinned
    to 1:1, 10:1 and 100:1, then a linear classifier from the same images is scored on val.

    Example: python -m benchmarks long-tail --seeds 1
    """
    from benchmarks.long_tail import long_tails
    from benchmarks.machine import describe_machine
    from ucls.sources import load_source

    opened = load_source(source, data_dir=data_dir, download=download)
    print(describe_machine())
    print("variant, ratio, seed, images, linear, lost")
    with tempfile.TemporaryDirectory() as folder:
        for found in long_tails(
            opened, n_images=images, n_seeds=seeds, epochs=epochs, folder=Path(folder)
        ):
            scores = (f"{found.accuracy:.3f}", f"{found.lost:+.3f}")
            told = (found.variant, f"{found.ratio:g}:1", found.seed, found.n_images)
            print(*told, *scores, sep=", ", flush=True)
