"""``ucls evaluate``: the results of a run as a table."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls evaluate runs/digits"

Hierarchy = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Superclasses of the labels, to score against too: a .csv or .tsv of class,superclass,"
        "...; a tree as .json; or a folder with class_hierarchy.txt, as BREEDS has it.",
    ),
]


def command(
    run: opt.RunPath,
    *,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    hierarchy: Hierarchy = None,
    overwrite: opt.Overwrite = False,
) -> None:
    """Measure every result of a run, against labels where they are known."""
    from ucls.cli.superclasses import print_superclasses
    from ucls.cli.tables import print_results
    from ucls.runs.heads import warn_of_collapse
    from ucls.settings.given import gather
    from ucls.stages.evaluate import evaluate

    figures = evaluate(
        run,
        settings=gather(config=config, settings=settings),
        hierarchy=hierarchy,
        overwrite=overwrite,
        reporter=chosen_reporter(),
    )
    print_results(figures)
    if hierarchy is not None:
        print_superclasses(figures["hierarchy"]["levels"])
    print(f"\nall figures: {run / 'metrics.json'}")
    warn_of_collapse(run, chosen_reporter())
