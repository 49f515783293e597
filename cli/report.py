"""``ucls report``: a run as a page to look at and to correct."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls report runs/photos"

OutFile = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE.html", help="Where to write; default: RUN/report.html."),
]


Beside = Annotated[
    Path | None,
    typer.Option("--beside", metavar="RUN", help="Another run of the same images, to compare."),
]


def command(
    run: opt.RunPath,
    *,
    beside: Beside = None,
    out: OutFile = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Show a run as one page: pictures of every cluster, a map, figures; clusters can be corrected.

    The page opens without a network. It saves corrections for `ucls relabel`.
    """
    from ucls.stages.report import report

    path = report(run, beside=beside, out=out, overwrite=overwrite, reporter=chosen_reporter())
    print(f"look at it: {path}")
