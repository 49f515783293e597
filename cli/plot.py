"""``ucls plot``: figures of a run for papers."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls plot runs/photos --out figures"

OutFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", help="Where to write; default: plots in the run."),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files that others wrote, or changed since."),
]


def command(run: opt.RunPath, *, out: OutFolder = None, overwrite: Overwrite = False) -> None:
    """Draw a run as PNG and SVG: map, sizes, confusion, training, and a grid of pictures.

    Labels are meant as corrected; what a run has no labels or no pictures for is left out. Of a
    folder of `pretrain` it draws what the network makes of its images, by cluster and by class.
    """
    from ucls.stages.plot import plot
    from ucls.stages.plot_learned import is_learning, plot_learned

    draw = plot_learned if is_learning(run) else plot
    plots = draw(run, out=out, overwrite=overwrite, reporter=chosen_reporter())
    for name in dict.fromkeys(path.stem for path in plots.files):
        note = f" ({plots.notes[name]})" if name in plots.notes else ""
        kinds = ", ".join(str(path) for path in plots.files if path.stem == name)
        print(f"{name + note}: {kinds}")
    for name, reason in plots.left_out.items():
        print(f"{name}: left out, as {reason}")
