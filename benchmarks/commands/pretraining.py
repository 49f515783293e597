"""``python -m benchmarks pretraining``: the training of a network beside its bare passes."""

from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.options import Count, DataDir, Download, Seeds

if TYPE_CHECKING:
    from ucls.sources import Source

Arch = Annotated[
    list[str] | None,
    typer.Option("--arch", metavar="NAME:CHANNELS:SIZE", help="Or small:1:28 and resnet18:3:32."),
]
BatchSize = Annotated[int, typer.Option(help="Images of a step.")]
Steps = Annotated[int, typer.Option(help="Of which the median counts.")]
Collapse = Annotated[
    bool, typer.Option("--collapse", help="Show instead which methods collapse, by seed.")
]
OfSource = Annotated[str, typer.Option("--source", help="For --collapse: labelled images.")]


def command(
    *,
    arch: Arch = None,
    batch_size: BatchSize = 256,
    steps: Steps = 7,
    collapse: Collapse = False,
    source: OfSource = "fashion-mnist",
    seeds: Seeds = 5,
    epochs: Count = 5,
    images: Count = 2000,
    data_dir: DataDir = None,
    download: Download = False,
) -> None:
    """Show images per second of Self-Classifier's steps, and of forward and backward passes alone.

    With --collapse every method learns the small network from the first images of a source, with
    several seeds. Example: python -m benchmarks pretraining --arch small:1:28
    """
    if collapse:
        from ucls.sources import load_source

        opened = load_source(source, data_dir=data_dir, download=download)
        _show_collapses(opened, n_images=images, n_seeds=seeds, epochs=epochs)
    else:
        _show_rates(arch or ["small:1:28", "resnet18:3:32"], batch_size, steps)


def _show_collapses(source: "Source", *, n_images: int, n_seeds: int, epochs: int) -> None:
    import tempfile
    from pathlib import Path

    from benchmarks.collapses import first_images, outcomes
    from benchmarks.machine import describe_machine

    print(describe_machine())
    print("method, seed, loss, k-NN, ACC, collapse")
    own = first_images(source, n_images)
    with tempfile.TemporaryDirectory() as folder:
        for found in outcomes(own, n_seeds=n_seeds, epochs=epochs, folder=Path(folder)):
            figures = found.figures
            scores = [f"{figures[name]:.3f}" if name in figures else "" for name in _SCORES]
            note = figures.get("collapse", "no")
            print(found.method, found.seed, *scores, note, sep=", ", flush=True)


_SCORES = ("loss", "knn", "acc")


def _show_rates(arch: list[str], batch_size: int, steps: int) -> None:
    import tempfile
    from pathlib import Path

    from benchmarks.images_per_second import measure_rate
    from benchmarks.machine import describe_machine
    from ucls.backbones.encoder import Architecture
    from ucls.devices import resolve_device

    print(describe_machine())
    print("architecture, images/s bare, images/s training, share")
    for text in arch:
        name, channels, size = text.split(":")
        architecture = Architecture(name, int(channels), int(size))
        with tempfile.TemporaryDirectory() as folder:
            rate = measure_rate(
                architecture,
                batch_size=batch_size,
                n_steps=steps,
                device=resolve_device("auto"),
                folder=Path(folder),
            )
        print(f"{text}, {rate.bare:.0f}, {rate.training:.0f}, {rate.share:.3f}", flush=True)
