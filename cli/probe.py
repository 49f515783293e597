"""``ucls probe``: how good features are, with labels in sight."""

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ucls.cache import STDOUT, check_output, write_json
from ucls.cli import options as opt
from ucls.cli.console import apart_from, print_table
from ucls.cli.verbosity import chosen_reporter
from ucls.errors import UsageError
from ucls.settings.probe import ProtocolName

if TYPE_CHECKING:
    from ucls.sources import Source
    from ucls.types import Figures

EXAMPLE = "ucls probe runs/digits --json probe.json"

Probed = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE_OR_RUN",
        help="A run folder, of `ucls pretrain` too, a labelled source as for `ucls run`, or a "
        "name from `cache ls`.",
    ),
]
Val = Annotated[
    str | None,
    typer.Option(help="Labelled images like SOURCE to score; beside a cache, another cache."),
]
Protocol = Annotated[
    ProtocolName,
    typer.Option(
        help="How the linear probe is trained: DINOv2's sweep of rates as in the thesis, or with "
        "LARS as in the papers of self-classifier or c2bin."
    ),
]
Masks = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Measure instead how well patches tell the classes of pixels in these masks.",
    ),
]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write all figures there; - for standard output."),
]


def command(
    source: Probed,
    *,
    val: Val = None,
    masks: Masks = None,
    protocol: Protocol = "thesis",
    json: Json = None,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    features: opt.Features = None,
    prepare: opt.Prepare = None,
    cache_dir: opt.CacheDir = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    labels: opt.FolderLabels = opt.LabelSource.NONE,
    array: opt.Array = None,
    data_dir: opt.DataDir = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Measure how good features are: k-NN and a linear probe, which see the labels.

    They learn from the training images and are scored on those of val, or on a held-out fifth where
    there are none. The features of a run or a cache are taken as they are there. With --masks, a
    linear segmentation probe: mean IoU and pixel accuracy; the mask of a/b.jpg is a/b.png.
    """
    from ucls.settings.given import gather
    from ucls.sources import load_source
    from ucls.stages.probe import is_cache, is_learned, probe
    from ucls.stages.probe_masks import probe_masks
    from ucls.stages.suggest_k import is_run

    if json is not None:
        check_output(json, is_own=lambda _: False, overwrite=overwrite)
    if masks is not None:
        _refuse(
            "has no part in --masks, where patches are taken as the network gives them",
            cache_dir=cache_dir,
            features=features,
            prepare=prepare,
        )
    opened: Source | str = source
    if is_run(source) or is_learned(source) or is_cache(source, cache_dir):
        _refuse(
            f"has no part in {source}, whose features and labels are there already",
            labels=labels != opt.LabelSource.NONE,
            array=array,
            data_dir=data_dir,
            val=val if masks is not None else None,
        )
    else:
        opened = load_source(source, labels=labels.value, val=val, array=array, data_dir=data_dir)
    values = gather(
        seed=seed,
        device=device,
        features=features,
        extract__backbone=backbone,
        extract__weights=weights,
        neighbors__prepare=prepare,
    )
    reporter = chosen_reporter()
    if masks is not None:
        figures = probe_masks(opened, masks, protocol=protocol, settings=values, reporter=reporter)
    else:
        figures = probe(
            opened,
            val=val if isinstance(opened, str) else None,
            protocol=protocol,
            settings=values,
            cache_dir=cache_dir,
            reporter=reporter,
        )
    with apart_from(json or Path()):
        _print(figures) if masks is None else _print_segmentation(figures)
    if json == STDOUT:
        print(json_text.dumps(figures, indent=2))
    elif json is not None:
        write_json(json, figures)
        print(f"\nall figures: {json}")


def _refuse(reason: str, **options: object) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise UsageError(f"{', '.join(given)} {reason}: leave it out")


def _print_segmentation(figures: "Figures") -> None:
    found = figures["segmentation"]
    rows = {"pixel accuracy": found["pixel_accuracy"], "mean IoU": found["mean_iou"]}
    rows |= {f"  pixels of {value}": iou for value, iou in found["iou"].items() if iou is not None}
    if found["picked_on_train"]:
        rows["mean IoU, rate picked on training images"] = found["picked_on_train"]["mean_iou"]
    print(f"{figures['source']}, {figures['features']}, {len(figures['classes']):,} classes\n")
    print_table([{"": name, "score": f"{score:.4f}"} for name, score in rows.items()])
    if len(found["by_rate"]) > 1:
        print("\nThe best rate is picked by the masks that it is scored with, as papers do.")


def _print(figures: "Figures") -> None:
    linear = figures["linear_probe"]
    rows: dict[str, float] = {}
    for knn in figures["knn"]:
        rows[f"{knn['k']}-NN, votes by similarity"] = knn["weighted"]
        rows[f"{knn['k']}-NN, majority of votes"] = knn["majority"]
    n_rates = len(linear["by_rate"])
    of_several = f", best of {n_rates} rates" if n_rates > 1 else ""
    rows[f"linear probe ({linear['protocol']}){of_several}"] = linear["acc"]
    if linear["picked_on_train"]:
        rows["  rate picked on training images"] = linear["picked_on_train"]["acc"]
    print(f"{figures['source']}, {figures['n_classes']:,} classes\n")
    print_table(
        [{"": name, "accuracy": f"{accuracy:.4f}"} for name, accuracy in rows.items()],
        numbers=("accuracy",),
    )
    if n_rates > 1:
        print("\nThe best rate is picked by the labels that it is scored with, as papers do.")
