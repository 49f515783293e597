"""``ucls export``: the labels of a run for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.console import apart_from
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls export runs/photos --out labels.parquet --probabilities"

OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Labels: .csv, .parquet or .json; - for standard output."
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="csv, parquet, json, coco (classes, no boxes) or fiftyone; default: by the ending.",
    ),
]
Probabilities = Annotated[
    bool,
    typer.Option(
        "--probabilities", help="Add what the classifier gives every cluster: csv, parquet, json."
    ),
]


def command(
    run: opt.RunPath,
    *,
    out: OutFile = None,
    file_format: Format = None,
    probabilities: Probabilities = False,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Write the labels of a run for other programs.

    One row for each image: path, split, cluster, name, confidence, probability, and the cluster
    that was found before any correction.
    """
    from ucls.errors import UsageError
    from ucls.stages.export import export
    from ucls.wording import count

    if out is None:
        raise UsageError("expected --out FILE; see: ucls export --help")
    result = export(
        run,
        out=out,
        format=file_format,
        probabilities=probabilities,
        overwrite=overwrite,
        reporter=chosen_reporter(),
    )
    with apart_from(out):
        print(f"labels of {count(result.n_images, 'image')} as {result.format}: {out}")
