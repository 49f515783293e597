"""``python -m benchmarks pretraining``: the training of a network beside its bare passes."""

from typing import Annotated

import typer

Arch = Annotated[
    list[str] | None,
    typer.Option("--arch", metavar="NAME:CHANNELS:SIZE", help="Or small:1:28 and resnet18:3:32."),
]
BatchSize = Annotated[int, typer.Option(help="Images of a step.")]
Steps = Annotated[int, typer.Option(help="Of which the median counts.")]


def command(*, arch: Arch = None, batch_size: BatchSize = 256, steps: Steps = 7) -> None:
    """Show images per second of Self-Classifier's steps, and of forward and backward passes alone.

    Example: python -m benchmarks pretraining --arch small:1:28
    """
    import tempfile
    from pathlib import Path

    from benchmarks.images_per_second import measure_rate
    from benchmarks.machine import describe_machine
    from ucls.backbones.encoder import Architecture
    from ucls.devices import resolve_device

    print(describe_machine())
    print("architecture, images/s bare, images/s training, share")
    for text in arch or ("small:1:28", "resnet18:3:32"):
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
