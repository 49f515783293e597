"""``ucls cut``: a finished run with another number of clusters."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.console import apart_from
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls cut runs/photos -k 12"

Clusters = Annotated[int, typer.Option("-k", "--clusters", help="Number of clusters to cut at.")]
OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE.csv",
        help="Where to write; - for standard output; default: in the run.",
    ),
]


def command(
    run: opt.RunPath,
    *,
    clusters: Clusters,
    out: OutFile = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Cut a finished run at another number of clusters, in a moment.

    The run stays as it is; the clusters of all images are written to a CSV of their own.
    """
    from ucls.cli.tables import print_cut
    from ucls.runs.heads import warn_of_collapse
    from ucls.stages.cut import cut

    result = cut(run, clusters, out=out, overwrite=overwrite, reporter=chosen_reporter())
    with apart_from(result.path):
        print_cut(result)
        print(f"new images in these clusters: ucls predict {run} SOURCE -k {clusters}")
    warn_of_collapse(run, chosen_reporter())
