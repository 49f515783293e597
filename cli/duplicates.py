"""``ucls duplicates``: images of a run that nearly are the same."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cache import STDOUT
from ucls.cli import options as opt
from ucls.cli.console import apart_from
from ucls.cli.verbosity import chosen_reporter
from ucls.wording import count

EXAMPLE = "ucls duplicates runs/photos"

Threshold = Annotated[
    float | None,
    typer.Option(
        help="Cosine similarity of near-duplicates; default: 0.98, or more where neighbours reach "
        "that by chance."
    ),
]
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
    threshold: Threshold = None,
    out: OutFile = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Find near-duplicates and exact copies among the images of a run, in groups.

    The CSV has path, group and similarity of each image that has a near-duplicate, and of which
    image it is an exact copy, if it is one.
    """
    from ucls.stages.duplicates import duplicates

    found = duplicates(
        run, threshold=threshold, out=out, overwrite=overwrite, reporter=chosen_reporter()
    )
    why = "which neighbours do not reach by chance" if threshold is None else "as given"
    with apart_from(found.path):
        print(
            f"{count(found.n_images, 'image')} in {count(found.n_groups, 'group')} of "
            f"near-duplicates, {found.n_copies:,} of them exact copies of another; similarity "
            f"{found.threshold:.4f} or more, {why}"
        )
        if found.path != STDOUT:
            print(f"which they are: {found.path}")
