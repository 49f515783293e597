"""``ucls compare``: what two runs of the same images have in common."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cache import STDOUT
from ucls.cli import options as opt
from ucls.cli.console import apart_from
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls compare runs/photos runs/photos-12 --out moved.csv"

RunA = Annotated[Path, typer.Argument(metavar="RUN_A", help="A run folder.")]
RunB = Annotated[Path, typer.Argument(metavar="RUN_B", help="A run of the same images.")]
OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE.csv",
        help="Where to write the images that moved; - for standard output.",
    ),
]


def command(
    run_a: RunA,
    run_b: RunB,
    *,
    out: OutFile = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Compare two runs: which clusters match, and which images moved.

    Images are the same where split and path are; labels are meant as corrected.
    """
    from ucls.cli.comparison import print_comparison
    from ucls.stages.compare import compare

    result = compare(run_a, run_b, out=out, overwrite=overwrite, reporter=chosen_reporter())
    with apart_from(out or Path()):
        print_comparison(result.comparison)
        if out is not None and out != STDOUT:
            print(f"\nimages that moved: {out}")
