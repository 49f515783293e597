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
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write all figures there; - for standard output."),
]


def command(
    source: Probed,
    *,
    val: Val = None,
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
    there are none. The features of a run or a cache are taken as they are there.
    """
    from ucls.settings.given import gather
    from ucls.sources import load_source
    from ucls.stages.probe import is_cache, is_learned, probe
    from ucls.stages.suggest_k import is_run

    if json is not None:
        check_output(json, is_own=lambda _: False, overwrite=overwrite)
    opened: Source | str = source
    if is_run(source) or is_learned(source) or is_cache(source, cache_dir):
        _refuse(source, labels=labels != opt.LabelSource.NONE, array=array, data_dir=data_dir)
    else:
        opened = load_source(source, labels=labels.value, val=val, array=array, data_dir=data_dir)
    figures = probe(
        opened,
        val=val if isinstance(opened, str) else None,
        protocol=protocol,
        settings=gather(
            seed=seed,
            device=device,
            features=features,
            extract__backbone=backbone,
            extract__weights=weights,
            neighbors__prepare=prepare,
        ),
        cache_dir=cache_dir,
        reporter=chosen_reporter(),
    )
    with apart_from(json or Path()):
        _print(figures)
    if json == STDOUT:
        print(json_text.dumps(figures, indent=2))
    elif json is not None:
        write_json(json, figures)
        print(f"\nall figures: {json}")


def _refuse(source: str, **options: object) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise UsageError(
            f"{', '.join(given)} has no part in {source}, whose features and labels are there "
            "already: leave it out"
        )


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
