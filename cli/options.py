"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ucls.settings.objectives import RECORDS
from ucls.types import Effort


class LabelSource(StrEnum):
    """Where labels come from."""

    NONE = "none"
    FOLDERS = "folders"


def show_version(wanted: bool) -> None:
    """Prints the version and stops."""
    if wanted:
        from ucls import __version__

        print(f"ucls {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", help="Show the version.", is_eager=True, callback=show_version),
]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
SourceName = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A dataset name, a folder of images, a list of images (.csv, .tsv: path, label; "
        ".txt: paths), images in .tar or .tar.gz shards or .parquet, or a feature file (.npy, "
        ".npz, .h5, .pt, .parquet, .mat, ...).",
    ),
]
Clusters = Annotated[
    int | None,
    typer.Option(
        "-k", "--clusters", min=2, help="Number of clusters; default: the classes, if known."
    ),
]
Alternatives = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Clusterings wanted, each unlike the others: by shape, by colour ...; those after the "
        "first are RUN-alternative-2 and so on.",
    ),
]
Backbone = Annotated[
    str | None,
    typer.Option(help="A name from `backbones`, any timm model, a folder, onnx:FILE, or 'pixels'."),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]FILE",
        help="Local weights: .safetensors, a .pth checkpoint, a Hugging Face folder, or 'random'; "
        "NAME of the backbone if there are several.",
    ),
]


WantedEffort = Annotated[
    Effort | None,
    typer.Option("--effort", help="How much work: a first look, the default, or the best."),
]
TimeLimit = Annotated[
    str | None,
    typer.Option(metavar="10m", help="Take the effort that fits: 90s, 10m, 2h."),
]
Objective = Annotated[
    str | None,
    typer.Option(
        help="; ".join(f"{record.name} ({record.help})" for record in RECORDS.values())
        + "; default: ucls, or what the run has."
    ),
]
Outliers = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE|auto",
        help="Leave images that belong nowhere out of all clusters (-1 in labels.csv): such a "
        "share as 0.02, or 'auto': those that stand out, if any.",
    ),
]
MinSize = Annotated[
    int | None,
    typer.Option(metavar="N", help="Images of a cluster at least; smaller ones join the nearest."),
]
KnownLabels = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="path,label of some images, or path_a,path_b,link (must or cannot) of pairs.",
    ),
]
Features = Annotated[
    str | None,
    typer.Option(
        help="Tokens to use: cls, cls+patch, cls4, fg (the foreground), ...; or cls@A,cls@B."
    ),
]
Prepare = Annotated[
    str | None,
    typer.Option(
        help="How features are prepared: none, center, standardize, distance, pca, whiten; "
        "center-1 also leaves out the first direction; default: auto, by the features."
    ),
]
Views = Annotated[int | None, typer.Option(help="Augmented views to store besides each image.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Where datasets known by name lie; default: $UCLS_DATA.")
]
Subset = Annotated[
    Path | None,
    typer.Option(metavar="FILE.txt", help="The WordNet ids of imagenet50, 100 or 200, by line."),
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch the dataset into the data folder if it can be.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings; see `validate`.")
]
Preset = Annotated[
    str | None, typer.Option(help="The thesis's settings for a dataset, such as cifar10.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, e.g. train.epochs=50."),
]
Out = Annotated[Path | None, typer.Option(help="The run folder; default: runs/NAME.")]
CacheDir = Annotated[
    Path | None, typer.Option(help="The feature caches; default: $UCLS_CACHE or the user's cache.")
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:1.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything that is random.")]
FolderLabels = Annotated[
    LabelSource,
    typer.Option("--labels", help="'folders': sub-folder names are labels, to evaluate with."),
]
Val = Annotated[
    str | None, typer.Option(help="Images like SOURCE that are labelled but not trained on.")
]
Array = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The array of a file with the features, or the column with images."
    ),
]
Strict = Annotated[
    bool | None,
    typer.Option("--strict", help="Stop at an unreadable image instead of skipping it."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there, and start anew.")
]
OverwriteFile = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that this command did not write.")
]
