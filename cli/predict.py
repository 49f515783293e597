"""``ucls predict``: labels for new images."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cache import STDOUT
from ucls.cli import options as opt
from ucls.cli.console import apart_from
from ucls.cli.extract import MOST_LISTED
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls predict runs/photos new-photos/ --out new.csv"

OutFile = Annotated[
    Path, typer.Option("--out", metavar="FILE.csv", help="Where to write; - for standard output.")
]
Clusters = Annotated[
    int | None,
    typer.Option("-k", "--clusters", help="Cut the run at this number, as `cut` does."),
]
Split = Annotated[str, typer.Option(help="Which part of a dataset: train or val.")]
BackboneDevice = Annotated[
    str | None, typer.Option("--device", help="Where the backbone runs: auto, cpu, cuda or cuda:1.")
]


def command(
    run: opt.RunPath,
    source: opt.SourceName,
    *,
    clusters: Clusters = None,
    out: OutFile = Path("predictions.csv"),
    split: Split = "train",
    array: opt.Array = None,
    data_dir: opt.DataDir = None,
    subset: opt.Subset = None,
    weights: opt.Weights = None,
    device: BackboneDevice = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Label new images with a finished run: path, cluster, confidence, probability."""
    from ucls.runs.heads import warn_of_collapse
    from ucls.sources import load_source
    from ucls.stages.predict import predict
    from ucls.wording import count

    reporter = chosen_reporter()
    opened = load_source(source, array=array, data_dir=data_dir, subset=subset, is_trained_on=False)
    result = predict(
        run,
        opened,
        out=out,
        n_clusters=clusters,
        split=split,
        weights=weights or (),
        device=device,
        overwrite=overwrite,
        reporter=reporter,
    )
    for path, reason in result.skipped[:MOST_LISTED]:
        reporter.say(f"skipped {path}: {reason}")
    if len(result.skipped) > MOST_LISTED:
        reporter.say(f"skipped {len(result.skipped) - MOST_LISTED:,} more")
    warn_of_collapse(run, reporter)
    occupied = sum(size > 0 for size in result.cluster_sizes.values())
    with apart_from(out):
        print(
            f"{count(result.n_images, 'image')} in {occupied} of "
            f"{count(len(result.cluster_sizes), 'cluster')}: "
            f"{'standard output' if out == STDOUT else out}"
        )
        for name in result.untrained:
            print(f"untrained: {name}. A trial run: its clusters mean nothing.")
