"""``ucls masks``: the foreground of a user's own images, found without labels."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter
from ucls.settings.masks import METHODS
from ucls.wording import count

EXAMPLE = "ucls masks photos/ --out masks/ --backbone dino_vits16"

Method = Annotated[
    str,
    typer.Option(help="; ".join(f"{name} ({method.help})" for name, method in METHODS.items())),
]
Backbone = Annotated[
    str | None,
    typer.Option(help="A ViT, or for contracam the folder of `pretrain`; default: dino_vits16."),
]
Weights = Annotated[
    str | None, typer.Option(metavar="FILE", help="Local weights of the ViT, or 'random'.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, e.g. image_size=448."),
]
Out = Annotated[Path | None, typer.Option(help="The folder; default: runs/NAME-masks.")]


def command(
    source: opt.SourceName,
    *,
    method: Method = "tokencut",
    backbone: Backbone = None,
    weights: Weights = None,
    config: opt.ConfigFile = None,
    settings: Settings = None,
    out: Out = None,
    device: opt.Device = None,
    data_dir: opt.DataDir = None,
    download: opt.Download = False,
    overwrite: opt.Overwrite = False,
) -> None:
    """Write a mask of the foreground for each image: PNG, 255 where something stands out.

    A mask has the path of its image below the folder, ending in .png. overlays.html shows some.
    """
    from ucls.settings.given import gather
    from ucls.sources import load_source
    from ucls.stages.masks import SHEET, masks

    values = gather(
        config=config,
        settings=settings,
        of_run=False,
        method=method,
        backbone=backbone,
        weights=weights,
        device=device,
    )
    opened = load_source(source, data_dir=data_dir, download=download)
    done = masks(opened, out=out, settings=values, overwrite=overwrite, reporter=chosen_reporter())
    kept = f", {done.n_kept:,} were there" if done.n_kept else ""
    full = f", {done.n_full:,} of them all or nothing" if done.n_full else ""
    print(f"{done.path}: {count(done.n_written, 'mask')} written{full}{kept}")
    print(f"to look at: {done.path / SHEET}")
