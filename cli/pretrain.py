"""``ucls pretrain``: a network learned from a user's own images."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter
from ucls.settings.pretraining_methods import METHODS

EXAMPLE = "ucls pretrain photos/ -k 20 --epochs 100 --out runs/learned"

Method = Annotated[
    str,
    typer.Option(
        help="; ".join(f"{method.name} ({method.help})" for method in METHODS.values()) + "."
    ),
]
Arch = Annotated[
    str,
    typer.Option(
        help="'small', 'alexnet', or one of timm: resnet18, vgg16_bn, vit_tiny_patch16_224."
    ),
]
Epochs = Annotated[
    int | None, typer.Option(help="Times that each image is seen; default: as in the paper.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, e.g. batch_size=256."),
]
Masks = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Masks of the foreground, from `masks`; for segins-s and -m."
    ),
]
Out = Annotated[Path | None, typer.Option(help="The folder; default: runs/NAME-METHOD.")]


def command(
    source: opt.SourceName,
    *,
    method: Method = "self-classifier",
    arch: Arch = "resnet18",
    clusters: opt.Clusters = None,
    epochs: Epochs = None,
    masks: Masks = None,
    config: opt.ConfigFile = None,
    settings: Settings = None,
    out: Out = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    labels: opt.FolderLabels = opt.LabelSource.NONE,
    data_dir: opt.DataDir = None,
    download: opt.Download = False,
    overwrite: opt.Overwrite = False,
) -> None:
    """Learn a network from images alone, for images that pretrained ones know little of.

    Labels, where there are any, only measure: knn is the share of images that their neighbours
    name rightly. Afterwards: ucls run SOURCE --backbone OUT. With several GPUs or machines:
    torchrun --nproc-per-node 4 -m ucls pretrain ...
    """
    from ucls.settings.given import gather
    from ucls.sources import load_source
    from ucls.stages.pretrain import pretrain

    values = gather(
        config=config,
        settings=settings,
        of_run=False,
        method=method,
        arch=arch,
        n_clusters=clusters,
        epochs=epochs,
        masks=masks,
        seed=seed,
        device=device,
    )
    opened = load_source(source, labels=labels.value, data_dir=data_dir, download=download)
    done = pretrain(
        opened, out=out, settings=values, overwrite=overwrite, reporter=chosen_reporter()
    )
    figures = ", ".join(
        f"{name} {value:.3f}" for name, value in done.figures.items() if name in _SHOWN
    )
    print(f"{done.path}: {figures}")
    print(f"next: ucls run {source} --backbone {done.path}")


_SHOWN = ("loss", "acc", "nmi", "knn")
